//! The service on a machine of its own, as a unit of systemd.
//!
//! It needs no plan: a machine may serve without Google Cloud. Creating the user belongs to who installs it.

/// The whole unit; what it may do is what `systemd.exec(5)` lets be taken away from a process that only listens and
/// writes its own files.
pub const UNIT: &str = r"# Written by `tipoff infra systemd`.
#   useradd --system --home-dir /var/lib/tipoff --shell /usr/sbin/nologin tipoff
#   install -D -m 0640 -g tipoff tipoff.toml /etc/tipoff/tipoff.toml
#   install -m 0644 FILE /etc/systemd/system/tipoff.service && systemctl enable --now tipoff
# Secrets stand in /etc/tipoff/environment, one NAME=value a line, readable for root alone.
[Unit]
Description=Tipoff watches the handoff between two phases of a data pipeline
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=tipoff
Group=tipoff
Environment=TIPOFF_CONFIG=/etc/tipoff/tipoff.toml
Environment=TIPOFF_DATA=/var/lib/tipoff
Environment=TIPOFF_LOG_FORMAT=json
EnvironmentFile=-/etc/tipoff/environment
ExecStart=/usr/local/bin/tipoff serve
StateDirectory=tipoff
StateDirectoryMode=0700
WorkingDirectory=/var/lib/tipoff
Restart=always
RestartSec=2

CapabilityBoundingSet=
LockPersonality=true
MemoryDenyWriteExecute=true
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
ProtectClock=true
ProtectControlGroups=true
ProtectHome=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=multi-user.target
";
