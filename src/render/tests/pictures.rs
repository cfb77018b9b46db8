//! Tests of pictures: the same bytes each time, gaps, marks, numbers for readers who do not see them.

use super::world;
use crate::{ports::notice::Week, render::chart};

/// Red, green and blue of every pixel.
fn pixels(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width, info.height, bytes)
}

fn count(png: &[u8], colour: [u8; 3]) -> usize {
    let (_, _, bytes) = pixels(png);
    bytes.chunks(3).filter(|pixel| **pixel == colour).count()
}

const BROKEN: [u8; 3] = [179, 21, 29];
const PROMISE: [u8; 3] = [26, 107, 53];

#[test]
fn the_same_week_gives_the_same_pictures_twice_the_size_of_a_phone() {
    let pictures = chart::pictures(&world::week());
    let names: Vec<&str> = pictures.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["latency", "completion"]);
    assert_eq!(pictures, chart::pictures(&world::week()));
    for picture in &pictures {
        let (width, height, _) = pixels(&picture.png);
        assert_eq!((width, height), (800, 520));
        assert!(picture.png.len() < 60_000, "{}", picture.png.len());
    }
}

#[test]
fn the_promise_is_drawn_and_a_broken_night_has_a_mark_that_a_kept_one_has_not() {
    let week = world::week();
    let kept = Week {
        nights: week.nights[..3].to_vec(),
        ..world::week()
    };
    let (broken, kept) = (chart::pictures(&week), chart::pictures(&kept));
    for (broken, kept) in broken.iter().zip(&kept) {
        assert!(count(&broken.png, PROMISE) > 500, "{}", broken.name);
        assert!(count(&broken.png, BROKEN) > 100, "{}", broken.name);
        assert_eq!(count(&kept.png, BROKEN), 0, "{}", kept.name);
    }
}

#[test]
fn the_text_of_a_picture_has_its_numbers_and_its_gaps() {
    let picture = chart::latency(&world::week()).unwrap();
    assert_eq!(
        picture.text,
        "Start latency, promised under 5 min: 2026-01-05 2 min, 2026-01-06 2 min, 2026-01-07 11 min, \
         2026-01-08 no sample (breached), 2026-01-09 1 min, 2026-01-11 2 h 55 min (breached). \
         Drawn faintly beside it: 24 nights of the four weeks before."
    );
}

#[test]
fn odd_numbers_neither_panic_nor_draw_outside() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -5.0, 1e300];
    for value in odd {
        let mut night = world::figures("2026-01-05", Some(value), 200);
        night.completion = Some(value);
        let week = Week {
            nights: vec![night, world::figures("2026-01-06", Some(60.0), 200)],
            latency_target_seconds: 0.0,
            ..world::week()
        };
        assert_eq!(chart::pictures(&week).len(), 2, "{value}");
    }
}

#[test]
fn without_nights_before_the_week_has_all_the_room_and_without_a_sample_there_is_no_picture() {
    let alone = Week {
        before: Vec::new(),
        ..world::week()
    };
    assert_eq!(chart::pictures(&alone).len(), 2);
    let silent = Week {
        nights: vec![world::figures("2026-01-05", None, 0)],
        ..world::week()
    };
    assert!(chart::pictures(&silent).is_empty());
}
