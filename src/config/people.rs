//! Section `[[people]]`: who is told, when in the order of roles, and where they are reached.
//!
//! Who reads which message is decided in `domain::routing`.

use serde::Deserialize;

use super::{Error, address};
use crate::domain::{alert::Role, routing::Person};

/// One `[[people]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    name: String,
    role: Option<String>,
    email: Option<String>,
    slack: Option<String>,
}

/// Everyone of the file, in its order.
pub(super) fn read_all(sections: Vec<Section>) -> Result<Vec<Person>, Error> {
    let mut people: Vec<Person> = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let person = section.read(&format!("people[{index}]"))?;
        if people.iter().any(|other| other.name == person.name) {
            return Err(Error::value(
                format!("people[{index}].name"),
                format!("{:?}", person.name),
                "someone else has this name: acknowledgements could not be told apart, so write another",
            ));
        }
        people.push(person);
    }
    Ok(people)
}

impl Section {
    fn read(self, field: &str) -> Result<Person, Error> {
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            return Err(Error::value(
                format!("{field}.name"),
                "\"\"",
                "write the name that acknowledgements are made in",
            ));
        }
        if self.email.is_none() && self.slack.is_none() {
            return Err(Error::value(
                format!("{field}.email"),
                "(not given)",
                format!("{name} cannot be reached: write an email, a slack member id, or both"),
            ));
        }
        let email = self.email.as_deref();
        let slack = self.slack.as_deref();
        Ok(Person {
            role: role(self.role.as_deref(), &format!("{field}.role"))?,
            email: email
                .map(|text| address::mailbox(text, &format!("{field}.email")))
                .transpose()?,
            slack: slack
                .map(|text| member(text, &format!("{field}.slack")))
                .transpose()?,
            name,
        })
    }
}

fn role(text: Option<&str>, field: &str) -> Result<Role, Error> {
    match text {
        Some("developer") => Ok(Role::Developer),
        Some("on_call") => Ok(Role::OnCall),
        Some("lead") => Ok(Role::Lead),
        None => Err(Error::value(field, "(not given)", ROLES)),
        Some(other) => Err(Error::value(field, format!("{other:?}"), ROLES)),
    }
}

const ROLES: &str =
    "write developer (told of everything), on_call or lead (told of what stays critical)";

/// A Slack member id: a name that people choose is not one, and would mention nobody.
fn member(text: &str, field: &str) -> Result<String, Error> {
    let is_id = text.starts_with(['U', 'W'])
        && text.len() > 1
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_id {
        return Ok(text.to_owned());
    }
    Err(Error::value(
        field,
        format!("{text:?}"),
        "write the member id from the person's Slack profile, such as U024BE7LH, not their name",
    ))
}

#[cfg(test)]
mod tests {
    use super::{Error, Person, Role, Section, read_all};

    #[derive(serde::Deserialize)]
    struct File {
        people: Vec<Section>,
    }

    fn read(text: &str) -> Result<Vec<Person>, Error> {
        read_all(toml::from_str::<File>(text).unwrap().people)
    }

    #[test]
    fn someone_who_cannot_be_told_apart_or_reached_is_refused() {
        let dana = "[[people]]\nname = \"Dana\"\nrole = \"developer\"\nemail = \"d@x.example\"\n";
        for (text, start, fix) in [
            (
                "[[people]]\nrole = \"lead\"",
                "people[0].name = \"\"",
                "write the name",
            ),
            (
                "[[people]]\nname = \"Dana\"\nrole = \"lead\"",
                "people[0].email = (not given)",
                "Dana cannot be reached",
            ),
            (
                "[[people]]\nname = \"Dana\"\nemail = \"d@x.example\"",
                "people[0].role = (not given)",
                "on_call",
            ),
            (
                "[[people]]\nname = \"Dana\"\nrole = \"boss\"\nemail = \"d@x.example\"",
                "people[0].role = \"boss\"",
                "developer",
            ),
            (
                "[[people]]\nname = \"Dana\"\nrole = \"lead\"\nemail = \"d.x\"",
                "people[0].email = \"d.x\"",
                "mail address",
            ),
            (
                "[[people]]\nname = \"Dana\"\nrole = \"lead\"\nslack = \"@dana\"",
                "people[0].slack = \"@dana\"",
                "U024BE7LH",
            ),
            (
                &format!("{dana}{dana}"),
                "people[1].name = \"Dana\"",
                "another",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(start) && error.contains(fix), "{error}");
        }
    }

    #[test]
    fn people_keep_their_order_and_have_one_address_at_least() {
        let people = read(
            "[[people]]\nname = \"Ola\"\nrole = \"on_call\"\nslack = \"U024BE7LH\"\n\
             [[people]]\nname = \"Dana\"\nrole = \"developer\"\nemail = \"d@x.example\"",
        );
        let people = people.unwrap();
        assert_eq!(people[0].role, Role::OnCall);
        assert_eq!(people[0].slack.as_deref(), Some("U024BE7LH"));
        assert_eq!(people[1].email.as_deref(), Some("d@x.example"));
    }
}
