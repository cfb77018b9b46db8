//! Bodies as nobody should send them: a valid one spoiled in a few places, or bytes of any sort.
//!
//! What they are fed to, and what has to be true then, belongs to the targets.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

/// Deeper than any reader needs, and than a reader without a limit can take.
const DEEP: usize = 20_000;
/// Longer than any field has reason to be.
const LONG: usize = 20_000;

/// One way to spoil a body.
#[derive(Debug, Clone)]
enum Spoil {
    /// A field is not there.
    Drop(Index),
    /// A field holds something else.
    Put(Index, Value),
    /// A field has another name.
    Rename(Index, String),
    /// A field is wrapped into an object or a list.
    Wrap(Index, bool),
    /// The text ends early.
    Cut(Index),
    /// One byte is another one.
    Flip(Index, u8),
    /// Bytes stand in between.
    Insert(Index, Vec<u8>),
    /// The text stands there twice.
    Twice,
}

/// Values that a field is not meant to hold.
fn value() -> impl Strategy<Value = Value> {
    let fixed = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{1b}[2J\r\n"),
        json!("\u{202e}desrever"),
        json!("9999-99-99"),
        json!("0000-01-01"),
        json!("+262143-12-31T23:59:59Z"),
        json!("2026-01-19T15:00:00+99:99"),
        json!("NaN"),
        json!("' OR 1=1 --"),
        json!("../../etc/passwd"),
        json!("9".repeat(LONG)),
        json!("a".repeat(LONG)),
        json!([]),
        json!({}),
        json!([[[[{"a": [null]}]]]]),
    ];
    prop_oneof![
        3 => select(fixed),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"\xff\xfe\x00".to_vec()),
        Just(b"\n\r\n\n".to_vec()),
        Just(b"\"a\":1,".to_vec()),
        Just(b"1e400".to_vec()),
        Just(b"\\ud800".to_vec()),
        Just("[".repeat(DEEP).into_bytes()),
        Just("{\"a\":".repeat(DEEP).into_bytes()),
    ]
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = any::<Index>;
    prop_oneof![
        2 => at().prop_map(Spoil::Drop),
        6 => (at(), value()).prop_map(|(at, value)| Spoil::Put(at, value)),
        1 => (at(), any::<String>()).prop_map(|(at, name)| Spoil::Rename(at, name)),
        1 => (at(), any::<bool>()).prop_map(|(at, list)| Spoil::Wrap(at, list)),
        1 => at().prop_map(Spoil::Cut),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Spoil::Flip(at, byte)),
        1 => (at(), bytes()).prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        1 => Just(Spoil::Twice),
    ]
}

/// One of these bodies, spoiled up to three times, or no body at all.
pub fn body(valid: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let spoiled = (select(valid), vec(spoil(), 0..=3))
        .prop_map(|(body, spoils)| spoils.into_iter().fold(body, apply));
    prop_oneof![
        12 => spoiled,
        1 => vec(any::<u8>(), 0..2_000),
        1 => any::<String>().prop_map(String::into_bytes),
    ]
}

fn apply(mut body: Vec<u8>, spoil: Spoil) -> Vec<u8> {
    match spoil {
        Spoil::Drop(_) | Spoil::Put(..) | Spoil::Rename(..) | Spoil::Wrap(..) => {
            spoil_object(body, spoil)
        }
        Spoil::Cut(at) => {
            body.truncate(at.index(body.len() + 1));
            body
        }
        Spoil::Flip(at, byte) => {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] ^= byte;
            }
            body
        }
        Spoil::Insert(at, bytes) => {
            let at = at.index(body.len() + 1);
            body.splice(at..at, bytes);
            body
        }
        Spoil::Twice => body.repeat(2),
    }
}

/// What is no object any more stays as it is.
fn spoil_object(body: Vec<u8>, spoil: Spoil) -> Vec<u8> {
    let Ok(Value::Object(mut map)) = serde_json::from_slice(&body) else {
        return body;
    };
    spoil_map(&mut map, spoil);
    Value::Object(map).to_string().into_bytes()
}

/// Spoils a field, or one of the object that the field holds.
fn spoil_map(map: &mut Map<String, Value>, spoil: Spoil) {
    let (Spoil::Drop(at) | Spoil::Put(at, _) | Spoil::Rename(at, _) | Spoil::Wrap(at, _)) = &spoil
    else {
        return;
    };
    if map.is_empty() {
        return;
    }
    let name = map
        .keys()
        .nth(at.index(map.len()))
        .cloned()
        .unwrap_or_default();
    if at.index(2) == 0
        && let Some(Value::Object(inner)) = map.get_mut(&name)
    {
        return spoil_map(inner, spoil);
    }
    let value = map.remove(&name).unwrap_or_default();
    match spoil {
        Spoil::Put(_, other) => map.insert(name, other),
        Spoil::Rename(_, other) => map.insert(other, value),
        Spoil::Wrap(_, true) => map.insert(name, json!([value])),
        Spoil::Wrap(_, false) => map.insert(name, json!({ "value": value })),
        Spoil::Drop(_) | Spoil::Cut(_) | Spoil::Flip(..) | Spoil::Insert(..) | Spoil::Twice => None,
    };
}
