//! Who a mail goes to: addresses that can be written to, and who has a mail already.
//!
//! Who is told at all belongs to `domain::routing`.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use lettre::{Address, message::Mailbox};

use super::trouble::{Refusal, clean};
use crate::domain::routing::Person;

/// Mails that reached only some of their readers, kept in memory; the oldest is forgotten first, and then goes to all.
const PARTLY_MAX: usize = 500;

/// Someone a mail goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Their name, if it is known.
    pub called: Option<String>,
    /// Their address.
    pub address: Address,
}

impl Reader {
    /// An address nobody's name is known of.
    pub fn unnamed(address: Address) -> Self {
        Self {
            called: None,
            address,
        }
    }

    /// How operators know them: by name, or else by address.
    pub fn name(&self) -> String {
        let address = || self.address.to_string();
        self.called.clone().unwrap_or_else(address)
    }

    /// As it stands in the mail's head.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.called.clone(), self.address.clone())
    }
}

/// An address that every server understands.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("only ASCII without blanks; write an international domain as xn--…".to_owned());
    }
    text.parse::<Address>().map_err(|error| error.to_string())
}

/// Who a mail goes to, and who it cannot go to.
pub struct Readers {
    /// Each address once.
    pub readers: Vec<Reader>,
    /// Those whose address is none.
    pub refusals: Vec<Refusal>,
}

impl Readers {
    /// The people of an audience who have a mail address, or else the default readers.
    pub fn of(audience: &[Person], defaults: &[Reader]) -> Self {
        let mut found = Self {
            readers: Vec::new(),
            refusals: Vec::new(),
        };
        for person in audience {
            found.add(person);
        }
        if found.readers.is_empty() && found.refusals.is_empty() {
            for reader in defaults {
                found.add_reader(reader.clone());
            }
        }
        found
    }

    fn add(&mut self, person: &Person) {
        let Some(email) = &person.email else {
            return;
        };
        let name = clean(&person.name);
        match address(email) {
            Ok(address) => self.add_reader(Reader {
                called: (!name.is_empty()).then_some(name),
                address,
            }),
            Err(why) => self.refusals.push(Refusal {
                reader: name,
                address: None,
                said: format!("`{}` is no mail address ({why})", clean(email)),
                permanent: true,
            }),
        }
    }

    fn add_reader(&mut self, reader: Reader) {
        let same = |other: &Reader| other.address == reader.address;
        if !self.readers.iter().any(same) {
            self.readers.push(reader);
        }
    }
}

/// Who has a mail that others are still without.
#[derive(Default)]
pub struct Reached(Mutex<VecDeque<(String, HashSet<Address>)>>);

impl Reached {
    /// Who has the mail with this id.
    pub fn of(&self, id: &str) -> HashSet<Address> {
        let partly = self.lock();
        let found = partly.iter().find(|(known, _)| known == id);
        found
            .map(|(_, readers)| readers.clone())
            .unwrap_or_default()
    }

    /// These have it now, too.
    pub fn add(&self, id: &str, readers: impl Iterator<Item = Address>) {
        let mut partly = self.lock();
        if let Some((_, known)) = partly.iter_mut().find(|(known, _)| known == id) {
            known.extend(readers);
            return;
        }
        if partly.len() >= PARTLY_MAX {
            partly.pop_front();
        }
        partly.push_back((id.to_owned(), readers.collect()));
    }

    /// It has reached everyone.
    pub fn forget(&self, id: &str) {
        self.lock().retain(|(known, _)| known != id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, HashSet<Address>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lettre::Address;

    use super::{PARTLY_MAX, Reached, address};

    #[test]
    fn an_address_is_ascii_with_one_at_and_blanks_around_it_do_not_matter() {
        assert_eq!(
            address(" ada@example.com\n").unwrap().to_string(),
            "ada@example.com"
        );
        for wrong in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "a b@example.com",
            "ada@example.com, b@x.y",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        let international = address("ada@exämple.com").unwrap_err();
        assert!(international.contains("xn--"), "{international}");
    }

    #[test]
    fn who_has_a_mail_is_remembered_until_everyone_has_it_and_for_so_many_mails() {
        let ada: Address = "ada@example.com".parse().unwrap();
        let zoe: Address = "zoe@example.com".parse().unwrap();
        let reached = Reached::default();
        assert!(reached.of("1").is_empty());
        reached.add("1", [ada.clone()].into_iter());
        reached.add("1", [zoe.clone()].into_iter());
        assert_eq!(reached.of("1"), [ada.clone(), zoe].into());
        reached.forget("1");
        assert!(reached.of("1").is_empty());
        for number in 0..=PARTLY_MAX {
            reached.add(&number.to_string(), [ada.clone()].into_iter());
        }
        assert!(reached.of("0").is_empty(), "the oldest");
        assert_eq!(reached.of("1"), [ada].into());
    }
}
