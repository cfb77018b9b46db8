//! Calls as nobody should make them: a method, a path, a query, headers and a body, each of them sometimes odd.
//!
//! The head is always HTTP; what is not belongs to `wild`.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
};

use super::{call, endpoints::Endpoint};
use crate::hostile;

/// A call.
#[derive(Debug, Clone)]
pub struct Attack {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// How many bytes a chunk has, where the body comes in chunks.
    pub chunk: Option<usize>,
}

/// Headers that mean something somewhere, with values that they should not have.
const HEADERS: [(&str, &[u8]); 34] = [
    ("content-type", b"application/json"),
    ("content-type", b"application/x-www-form-urlencoded"),
    ("content-type", b"multipart/form-data; boundary="),
    ("content-type", b"multipart/form-data; boundary=x"),
    ("content-type", b"image/png"),
    ("content-type", b"application/json; charset=utf-16"),
    ("content-type", b";;;"),
    ("content-type", b"\xff\xfe"),
    ("content-type", b""),
    ("content-encoding", b"gzip"),
    ("content-encoding", b"nonsense"),
    ("accept", b"text/nothing;q=9"),
    ("accept-encoding", b"br;q=\xff"),
    ("accept-charset", b"\xc0\xaf"),
    ("authorization", b"Bearer x"),
    ("authorization", b"Bearer"),
    ("authorization", b"\xff\xff"),
    ("tipoff-by", b"\xff\x80"),
    ("tipoff-by", b"  "),
    ("tipoff-by", b"<script>alert(1)</script>"),
    ("x-cloudscheduler", b"true"),
    ("x-cloudscheduler-jobname", b"../../x"),
    ("x-forwarded-for", b"127.0.0.1, \xff"),
    ("x-http-method-override", b"DELETE"),
    ("expect", b"100-continue"),
    ("range", b"bytes=-1-99999999999999999999"),
    ("if-none-match", b"*"),
    ("cookie", b"=;=;\xff"),
    ("upgrade", b"h2c"),
    ("te", b"trailers, \xff"),
    ("trailer", b"host"),
    ("max-forwards", b"-1"),
    ("date", b"yesterday"),
    ("traceparent", b"00-zz-zz-zz"),
];
/// Headers by which a caller of elsewhere is known: it is not heard at all, whatever it says.
const FOREIGN: [(&str, &[u8]); 4] = [
    ("origin", b"http://evil.example"),
    ("origin", b"null"),
    ("origin", b"\xff"),
    ("sec-fetch-site", b"cross-site"),
];
const METHODS: [&str; 9] = [
    "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW", "post",
];
/// As they stand in an address.
const PARTS: [&str; 30] = [
    "",
    "1",
    "7",
    "0",
    "-1",
    "01",
    "1.5",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999999999",
    "%00",
    "%FF",
    "%ff%fe",
    "%",
    "%zz",
    "..%2f..%2fetc%2fpasswd",
    "a%0d%0ab",
    "%E2%80%AE",
    "2026-01-19",
    "2026-02-30",
    "TODAY",
    "yesterday",
    "0000-01-01",
    "9999-12-31",
    "%2B262143-12-31",
    "-262144-01-01",
    "phase4-to-phase5",
    "nothing_dispatched",
    "nothing-dispatched.md",
    "batch_2026-01-19_1768834800",
];
const NAMES: [&str; 10] = [
    "handoff",
    "game_date",
    "date",
    "batch_id",
    "most",
    "done",
    "kinds",
    "%FF",
    "",
    "x",
];
/// Longer than anything has reason to be, shorter than what HTTP allows.
const LONG: usize = 8_000;

fn part() -> impl Strategy<Value = String> {
    let encoded = |bytes: Vec<u8>| percent_encode(&bytes, NON_ALPHANUMERIC).to_string();
    prop_oneof![
        6 => select(PARTS.to_vec()).prop_map(str::to_owned),
        1 => vec(any::<u8>(), 1..40).prop_map(encoded),
        1 => any::<String>().prop_map(move |text| encoded(text.into_bytes())),
        1 => Just("a".repeat(LONG)),
    ]
}

/// Most often what names the handoff, so that a good body leads somewhere.
fn query() -> impl Strategy<Value = String> {
    let pair = (select(NAMES.to_vec()), part()).prop_map(|(name, value)| format!("{name}={value}"));
    prop_oneof![
        3 => Just("?handoff=phase4-to-phase5".to_owned()),
        2 => Just(String::new()),
        4 => vec(pair, 1..4).prop_map(|pairs| format!("?handoff=phase4-to-phase5&{}", pairs.join("&"))),
        1 => part().prop_map(|text| format!("?{text}")),
        1 => Just("?&&=&;==".to_owned()),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let known = |pool: Vec<(&'static str, &'static [u8])>| {
        select(pool).prop_map(|(name, value)| (name.to_owned(), value.to_vec()))
    };
    // What may stand in a header: no control character but the tab.
    let byte = prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8, Just(b'\t')];
    let one = prop_oneof![
        20 => known(HEADERS.to_vec()),
        1 => known(FOREIGN.to_vec()),
        2 => ("x-[a-z]{1,12}", vec(byte, 0..60)),
        1 => Just(("x-long".to_owned(), b"a".repeat(LONG))),
        1 => Just(("tipoff-by".to_owned(), b"a".repeat(LONG))),
    ];
    prop_oneof![2 => Just(Vec::new()), 5 => vec(one, 1..5)]
}

/// Calls of this endpoint, made of these valid bodies.
pub fn attack(endpoint: &'static Endpoint, valid: Vec<Vec<u8>>) -> impl Strategy<Value = Attack> {
    let method = prop_oneof![
        14 => Just(endpoint.method),
        1 => select(METHODS.to_vec()),
    ];
    let chunk = prop_oneof![4 => Just(None), 1 => (1..200_usize).prop_map(Some)];
    let body = hostile::body(valid);
    (method, part(), query(), headers(), (body, chunk)).prop_map(
        move |(method, part, query, headers, (body, chunk))| {
            let path = endpoint.path;
            let path = match (path.find('{'), path.find('}')) {
                (Some(from), Some(to)) => format!("{}{part}{}", &path[..from], &path[to + 1..]),
                _ => path.to_owned(),
            };
            Attack {
                method: method.to_owned(),
                target: path + &query,
                headers,
                body,
                chunk,
            }
        },
    )
}

impl Attack {
    /// Whether its headers say that a page of elsewhere calls.
    pub fn is_foreign(&self) -> bool {
        let foreign = |name: &str| FOREIGN.iter().any(|(other, _)| *other == name);
        self.headers.iter().any(|(name, _)| foreign(name))
    }

    /// The call as it is sent.
    pub fn bytes(&self, address: &str) -> Vec<u8> {
        let mut headers = vec![("host".to_owned(), address.as_bytes().to_vec())];
        headers.extend(self.headers.iter().cloned());
        let mut body = Vec::new();
        match self.chunk {
            None => {
                let length = self.body.len().to_string().into_bytes();
                headers.push(("content-length".to_owned(), length));
                body.extend_from_slice(&self.body);
            }
            Some(size) => {
                headers.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
                for chunk in self.body.chunks(size) {
                    body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    body.extend_from_slice(chunk);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(b"0\r\n\r\n");
            }
        }
        call::request(&format!("{} {}", self.method, self.target), &headers, &body)
    }
}
