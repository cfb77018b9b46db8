//! The demo's folder: one subfolder a play, so that a killed one goes on and a finished one is kept.
//!
//! The service's own files in it belong to the service.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::domain::{Instant, ids::GameDate};

/// What a play is, and whether it is over. Kept in `play.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Play {
    /// The night whose figures are played.
    pub night: GameDate,
    /// The date it is played on; another one where it is live.
    pub game_date: GameDate,
    /// Where all chances start.
    pub seed: u64,
    /// For a live play: its deadline by the real clock.
    pub live_deadline_at: Option<Instant>,
    /// Every remembered night, the first one being `night`.
    #[serde(default)]
    pub season: bool,
    /// Played to its end.
    pub finished: bool,
}

impl Play {
    /// A play of a night on its own date, not finished.
    pub fn of(night: GameDate, seed: u64) -> Self {
        Self {
            night,
            game_date: night,
            seed,
            live_deadline_at: None,
            season: false,
            finished: false,
        }
    }
}

/// A play and its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Where its files are.
    pub path: PathBuf,
    /// What is played.
    pub play: Play,
    /// Whether it was begun before.
    pub resumed: bool,
}

const PLAY_FILE: &str = "play.json";

impl Stage {
    /// Takes up the unfinished play of this night, if the last one is that, or begins a new one beside the others.
    /// A season always begins anew.
    ///
    /// # Errors
    ///
    /// When a folder or file cannot be read or written.
    pub fn open(root: &Path, wanted: Play) -> anyhow::Result<Self> {
        fs::create_dir_all(root)?;
        let plays = plays(root)?;
        if let Some((path, play)) = plays.last()
            && !play.finished
            && play.live_deadline_at.is_none()
            && !play.season
            && (Play {
                finished: false,
                ..play.clone()
            }) == wanted
        {
            return Ok(Self {
                path: path.clone(),
                play: play.clone(),
                resumed: true,
            });
        }
        let number = plays.len() + 1;
        let path = match wanted.season {
            true => root.join(format!("{number:03}-season")),
            false => root.join(format!("{number:03}-{}", wanted.night)),
        };
        fs::create_dir_all(&path)?;
        let stage = Self {
            path,
            play: wanted,
            resumed: false,
        };
        stage.save()?;
        Ok(stage)
    }

    /// Keeps that the play is over.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.play.finished = true;
        self.save()
    }

    fn save(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.play)?;
        let file = self.path.join(PLAY_FILE);
        let fresh = self.path.join("play.json.new");
        fs::write(&fresh, text)?;
        Ok(fs::rename(fresh, file)?)
    }
}

/// Every play in the folder, earliest first. What is no play is left alone.
fn plays(root: &Path) -> anyhow::Result<Vec<(PathBuf, Play)>> {
    let mut plays = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if let Ok(text) = fs::read_to_string(path.join(PLAY_FILE))
            && let Ok(play) = serde_json::from_str(&text)
        {
            plays.push((path, play));
        }
    }
    plays.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(plays)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{Play, Stage};
    use crate::domain::ids::GameDate;

    fn play(day: u32) -> Play {
        let night = GameDate(NaiveDate::from_ymd_opt(2026, 1, day).unwrap());
        Play::of(night, 1)
    }

    #[test]
    fn a_killed_play_goes_on_and_a_finished_one_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let first = Stage::open(root.path(), play(11)).unwrap();
        assert!(!first.resumed);
        let mut again = Stage::open(root.path(), play(11)).unwrap();
        assert!(again.resumed);
        assert_eq!(again.path, first.path);
        again.finish().unwrap();
        let next = Stage::open(root.path(), play(11)).unwrap();
        assert!(!next.resumed);
        assert_ne!(next.path, first.path);
        assert!(first.path.exists());
    }

    #[test]
    fn a_killed_season_is_not_gone_on_with() {
        let root = tempfile::tempdir().unwrap();
        let season = Play {
            season: true,
            ..play(11)
        };
        let first = Stage::open(root.path(), season.clone()).unwrap();
        assert!(first.path.ends_with("001-season"));
        let next = Stage::open(root.path(), season).unwrap();
        assert!(!next.resumed);
        assert!(next.path.ends_with("002-season"));
    }

    #[test]
    fn another_night_begins_anew_beside_an_unfinished_one() {
        let root = tempfile::tempdir().unwrap();
        let first = Stage::open(root.path(), play(11)).unwrap();
        let other = Stage::open(root.path(), play(12)).unwrap();
        assert!(!other.resumed);
        assert!(first.path.exists());
    }
}
