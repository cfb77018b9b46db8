//! Refusing keys that mean nothing, in the sections whose types are the domain's.
//!
//! Those types are also what runs are stored as, and a stored run of a newer version has to stay readable; so they
//! are lenient, and strictness towards people lives here. The other sections refuse unknown keys by themselves.

use serde_json::Value;

use super::Error;
use crate::domain::policy::Policy;

/// Refuses the first key in a handoff's policy sections that its policy does not have.
pub(super) fn refuse(text: &str) -> Result<(), Error> {
    let Ok(file) = text.parse::<toml::Table>() else {
        // The typed reading has already refused it, with the line.
        return Ok(());
    };
    let Ok(known) = serde_json::to_value(Policy::default()) else {
        return Ok(());
    };
    let handoffs = file.get("handoffs").and_then(toml::Value::as_array);
    for (index, handoff) in handoffs.into_iter().flatten().enumerate() {
        let sections = handoff.as_table().into_iter().flatten();
        for (name, section) in sections {
            // The schedule is a section of its own here, with its own strict type.
            if name != "schedule" && known.get(name).is_some_and(Value::is_object) {
                walk(section, &known[name], &format!("handoffs[{index}].{name}"))?;
            }
        }
    }
    Ok(())
}

fn walk(given: &toml::Value, known: &Value, path: &str) -> Result<(), Error> {
    let (Some(given), Some(known)) = (given.as_table(), known.as_object()) else {
        return Ok(());
    };
    for (key, value) in given {
        let field = format!("{path}.{key}");
        let Some(known_value) = known.get(key) else {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let fix = format!("is not a setting; this section has {}", names.join(", "));
            return Err(Error::value(field, value, fix));
        };
        walk(value, known_value, &field)?;
    }
    Ok(())
}
