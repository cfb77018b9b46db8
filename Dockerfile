# The service as an image that holds one program and what it is linked with: no shell, no package manager.
#   docker build -t tipoff .
#   docker run -p 8080:8080 -v tipoff-data:/data -v ./tipoff.toml:/etc/tipoff.toml:ro -e … --read-only tipoff
#
# Expects a configuration at /etc/tipoff.toml that sets the address (0.0.0.0 in a container) and how callers are known,
# without which an address other than loopback is refused; and a volume at /data, the only place that is written, which
# belongs to uid 10001. PORT is honoured.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --locked --profile dist --bin tipoff && deploy/image-root target/dist/tipoff /image

FROM scratch
COPY --from=build /image /
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENV TIPOFF_CONFIG=/etc/tipoff.toml TIPOFF_DATA=/data TIPOFF_LOG_FORMAT=json
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["/tipoff", "health"]
ENTRYPOINT ["/tipoff"]
CMD ["serve"]
