//! Where the service listens: loopback unless told otherwise, and beyond it only where callers have to say who they are.
//!
//! Routes and identities belong to `http`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::{Environment, Error};

const PORT: u16 = 8080;

/// Section `[listen]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    address: Option<IpAddr>,
    port: Option<u16>,
}

/// The address to listen on; `TIPOFF_ADDRESS` and `PORT` go before the file.
pub(super) fn address(
    section: &Section,
    is_guarded: bool,
    environment: &Environment,
) -> Result<SocketAddr, Error> {
    let port = match environment.get("PORT") {
        Some(text) => text.parse().map_err(|_| {
            Error::value(
                "PORT",
                format!("{text:?}"),
                "write a port number from 0 to 65535",
            )
        })?,
        None => section.port.unwrap_or(PORT),
    };
    let ip = match environment.get("TIPOFF_ADDRESS") {
        Some(text) => text.parse().map_err(|_| {
            Error::value(
                "TIPOFF_ADDRESS",
                format!("{text:?}"),
                "write an IP address such as 127.0.0.1 or 0.0.0.0, without a port",
            )
        })?,
        None => section.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    if !ip.is_loopback() && !is_guarded {
        return Err(Error::value(
            "listen.address",
            ip,
            "others can reach this address, so callers have to be known: set TIPOFF_TOKEN or token_file, add [[tokens]] or [google.identity], or listen on 127.0.0.1",
        ));
    }
    Ok(SocketAddr::new(ip, port))
}
