//! Made-up players and the league's teams.
//!
//! No name here is taken from the records; which player plays where belongs to `slate`.

use std::collections::BTreeSet;

use rand::{Rng, rngs::StdRng};

const FIRST_NAMES: [&str; 40] = [
    "adrian", "amari", "andre", "bennet", "bruno", "caleb", "carlos", "cedric", "cole", "dario",
    "davon", "dejan", "elijah", "emil", "ezra", "felix", "gabe", "goran", "hugo", "isaiah", "ivan",
    "jalil", "jonas", "kareem", "keon", "lamont", "leo", "luca", "malik", "marco", "nikos", "omar",
    "otis", "quincy", "rafael", "reggie", "silas", "tariq", "victor", "zaire",
];

const LAST_NAME_STARTS: [&str; 20] = [
    "alder", "birch", "black", "bright", "carr", "dray", "east", "fair", "gold", "hart", "hay",
    "kings", "lock", "mont", "north", "oak", "rush", "stan", "whit", "wood",
];

const LAST_NAME_ENDS: [&str; 15] = [
    "berg", "bury", "croft", "dale", "field", "ford", "gate", "ham", "land", "ley", "man", "more",
    "son", "ton", "worth",
];

/// One player in so many has a hyphen in the name.
const HYPHEN_ONE_IN: u32 = 12;

const TEAMS: [&str; 30] = [
    "ATL", "BOS", "BKN", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW", "HOU", "IND", "LAC",
    "LAL", "MEM", "MIA", "MIL", "MIN", "NOP", "NYK", "OKC", "ORL", "PHI", "PHX", "POR", "SAC",
    "SAS", "TOR", "UTA", "WAS",
];

/// So many lookup names, no two alike.
pub(super) fn players(count: u32, random: &mut StdRng) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut players = Vec::new();
    for number in 0..count {
        let mut name = player(random);
        if taken.contains(&name) {
            name = format!("{name}{number}");
        }
        taken.insert(name.clone());
        players.push(name);
    }
    players
}

fn player(random: &mut StdRng) -> String {
    let first = pick(&FIRST_NAMES, random);
    let start = pick(&LAST_NAME_STARTS, random);
    let end = pick(&LAST_NAME_ENDS, random);
    if random.random_range(0..HYPHEN_ONE_IN) == 0 {
        let second = pick(&LAST_NAME_STARTS, random);
        return format!("{first}{start}{end}-{second}er");
    }
    format!("{first}{start}{end}")
}

fn pick(words: &[&'static str], random: &mut StdRng) -> &'static str {
    words[random.random_range(0..words.len())]
}

/// The team of that place in the draw; past the league's 30 they are numbered, for slates larger than any real one.
pub(super) fn team(place: usize) -> String {
    let name = TEAMS[place % TEAMS.len()];
    match place / TEAMS.len() {
        0 => name.to_owned(),
        round => format!("{name}{round}"),
    }
}

/// How many teams the league has.
pub(super) const TEAMS_TOTAL: usize = TEAMS.len();
