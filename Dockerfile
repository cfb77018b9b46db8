# The service as an image: `docker build -t tipoff .`, then
# `docker run -p 8080:8080 -v tipoff-data:/data -v ./tipoff.toml:/etc/tipoff.toml:ro -e … tipoff`.
#
# Expects: a configuration mounted at /etc/tipoff.toml which sets the address (0.0.0.0 in a container) and the token
# without which an address other than loopback is refused; a volume at /data, the only place that is written, owned by
# uid 10001. PORT is honoured. Time zones and the shipped season are in the binary; certificates are in the image.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --locked --profile dist --bin tipoff

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home tipoff && install -d -o tipoff /data
COPY --from=build /build/target/dist/tipoff /usr/local/bin/tipoff
USER 10001
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["tipoff"]
CMD ["serve", "--config", "/etc/tipoff.toml", "--data", "/data"]
