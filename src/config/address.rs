//! Addresses that people write: of pages, of servers, of mailboxes; each read, or refused with what to write.
//!
//! Whether anybody answers there is not asked.

use std::net::{IpAddr, SocketAddr};

use lettre::Address;
use reqwest::Url;

use super::{Error, Secret};

/// Where the links in messages lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The base of links, without a slash at the end; `None`: the address that the service listens on.
    pub public_url: Option<String>,
    /// Below which each kind of alert has its runbook, without a slash at the end; `None`: the service's own pages.
    pub runbook_url: Option<String>,
}

impl Links {
    /// The base of links for a service that listens on this address.
    pub fn public(&self, listen: SocketAddr) -> String {
        let mut reached = listen;
        if listen.ip().is_unspecified() {
            reached.set_ip(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        }
        let own = || format!("http://{reached}");
        self.public_url.clone().unwrap_or_else(own)
    }

    /// Below which each kind of alert has its runbook, for a service that listens on this address.
    pub fn runbooks(&self, listen: SocketAddr) -> String {
        let own = || format!("{}/runbooks", self.public(listen));
        self.runbook_url.clone().unwrap_or_else(own)
    }
}

/// Reads the base of links: `http://` or `https://`, without a slash at the end.
pub(super) fn base(text: &str, field: &str) -> Result<String, Error> {
    let value = format!("{text:?}");
    let url = parse(text, field, &value)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::value(
            field,
            value,
            "links are made by adding to it: leave out what follows ? or #",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Refuses a secret that is no address; the secret is not in the message.
pub(super) fn check_secret(secret: &Secret, section: &str) -> Result<Url, Error> {
    let field = secret.field(section);
    parse(secret.expose(), &field, "(hidden)")
}

/// Reads an address that starts with `http://` or `https://`.
pub(super) fn parse(text: &str, field: &str, shown: &str) -> Result<Url, Error> {
    let refused = |fix: String| Error::value(field, shown, fix);
    let url = Url::parse(text).map_err(|error| {
        refused(format!(
            "write an address such as https://example.com ({error})"
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(
            "write an address that starts with http:// or https://".to_owned(),
        ));
    }
    Ok(url)
}

/// Whether a host is this machine itself.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses a plain `http://` to another machine: whoever listens on the way could read the secret that goes with it.
pub(super) fn check_encrypted(url: &Url, field: &str) -> Result<(), Error> {
    let host = url.host_str().unwrap_or_default();
    if url.scheme() == "https" || is_loopback(host) {
        return Ok(());
    }
    Err(Error::value(
        field,
        format!("http://{host}"),
        "a secret goes there: write https://, or the address of a loopback host",
    ))
}

/// Reads a mail address such as `dev@example.com`.
pub(super) fn mailbox(text: &str, field: &str) -> Result<String, Error> {
    let address = text.parse::<Address>().map_err(|error| {
        Error::value(
            field,
            format!("{text:?}"),
            format!("write a mail address such as dev@example.com ({error})"),
        )
    })?;
    Ok(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Links, base, is_loopback, mailbox};

    #[test]
    fn what_is_no_address_is_refused_with_its_field() {
        for wrong in [
            "tipoff.example.com",
            "ftp://x",
            "https://",
            "https://x/?a=1",
            "https://x/#a",
        ] {
            let error = base(wrong, "public_url").unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("public_url = {wrong:?}: ")),
                "{error}"
            );
        }
        for wrong in [
            "",
            "dev",
            "dev@",
            "dev at example.com",
            "Dana <dev@example.com>",
        ] {
            let error = mailbox(wrong, "people[0].email").unwrap_err().to_string();
            assert!(error.contains("people[0].email") && error.contains("dev@example.com"));
        }
        for other in [
            "localhost.example.com",
            "10.0.0.7",
            "127.0.0.1.example.com",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn links_lead_to_what_is_configured_or_to_where_the_service_listens() {
        let open = "0.0.0.0:8080".parse().unwrap();
        assert_eq!(Links::default().public(open), "http://127.0.0.1:8080");
        let own = "[::1]:9".parse().unwrap();
        assert_eq!(Links::default().runbooks(own), "http://[::1]:9/runbooks");
        let links = Links {
            public_url: base("https://tipoff.example.com/x/", "public_url").ok(),
            runbook_url: None,
        };
        assert_eq!(
            links.runbooks(open),
            "https://tipoff.example.com/x/runbooks"
        );
        assert!(
            ["localhost", "127.0.0.2", "::1", "[::1]"]
                .into_iter()
                .all(is_loopback)
        );
    }
}
