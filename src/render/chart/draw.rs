//! Draws one chart into pixels. Broken nights differ by shape, not by colour alone; a night without a sample is a gap.
//!
//! Which values there are belongs to `chart`.

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, types::RangedCoordf64},
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea},
    element::{Circle, Cross, PathElement, Rectangle, Text},
    prelude::{BitMapBackend, DrawingBackend},
    style::{
        Color, IntoFont, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{Chart, FONT, Night, SIZE, scale::HEAD_SHARE};

const INK: RGBColor = RGBColor(27, 31, 36);
const FAINT: RGBColor = RGBColor(140, 149, 160);
const GRID: RGBColor = RGBColor(228, 232, 237);
const KEPT: RGBColor = RGBColor(31, 79, 143);
const KEPT_FAINT: RGBColor = RGBColor(143, 167, 199);
const BROKEN: RGBColor = RGBColor(179, 21, 29);
const PROMISE: RGBColor = RGBColor(26, 107, 53);
const WHITE: RGBColor = RGBColor(255, 255, 255);

/// Size of letters, in pixels.
const LETTERS: u32 = 24;
/// Size of the title's letters, in pixels.
const TITLE_LETTERS: u32 = 30;
/// Share of the width that the nights before take, if there are any.
const BEFORE_SHARE: f64 = 0.22;
/// Half a mark's width, in pixels.
const MARK: i32 = 9;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Plane<'a> = ChartContext<'a, BitMapBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Failed = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;

/// A point of the picture, in pixels.
type Pixel = (i32, i32);

/// Draws it; fails only if letters cannot be laid out.
pub fn draw(chart: &Chart, pixels: &mut [u8]) -> Result<(), Failed> {
    let area = BitMapBackend::with_buffer(pixels, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let plane = plane(chart, &area)?;
    let page = Page {
        chart,
        area: &area,
        plane: &plane,
    };
    page.promise()?;
    page.before()?;
    page.lines()?;
    for (index, night) in chart.nights.iter().enumerate() {
        page.night(index, night)?;
    }
    area.present()
}

/// The title, the scale on the left and its faint lines.
fn plane<'a>(chart: &Chart, area: &Area<'a>) -> Result<Plane<'a>, Failed> {
    let (lowest, highest) = chart.range;
    let width = before_width(chart) + chart.nights.len() as f64;
    let mut plane = ChartBuilder::on(area)
        .caption(chart.title, letters(TITLE_LETTERS, &INK))
        .margin(16)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..width, lowest..highest)?;
    plane
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(5)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(letters(LETTERS, &INK))
        .axis_style(GRID)
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .draw()?;
    Ok(plane)
}

/// How wide the nights before are, in nights of the week.
fn before_width(chart: &Chart) -> f64 {
    match chart.before.is_empty() {
        true => 0.0,
        false => chart.nights.len() as f64 * BEFORE_SHARE / (1.0 - BEFORE_SHARE),
    }
}

fn letters(size: u32, colour: &RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(colour)
}

fn line(colour: RGBColor, width: u32) -> ShapeStyle {
    colour.stroke_width(width)
}

/// What is drawn on.
struct Page<'p, 'a> {
    chart: &'p Chart,
    area: &'p Area<'a>,
    plane: &'p Plane<'a>,
}

impl Page<'_, '_> {
    /// Where a value stands; one beyond the scale stands just below its upper edge.
    fn pixel(&self, across: f64, value: f64) -> Pixel {
        let (lowest, highest) = self.chart.range;
        let limit = highest - (highest - lowest) * HEAD_SHARE;
        let shown = value.clamp(lowest, limit);
        self.plane.backend_coord(&(across, shown))
    }

    fn of_night(&self, index: usize) -> f64 {
        before_width(self.chart) + index as f64 + 0.5
    }

    /// Writes on a white ground, so that no line runs through the letters.
    fn write(&self, text: &str, at: Pixel, style: TextStyle<'_>) -> Result<(), Failed> {
        let (width, height) = self.area.estimate_text_size(text, &style)?;
        let (width, height) = (width as i32, height as i32);
        let left = match style.pos.h_pos {
            HPos::Left => at.0,
            HPos::Center => at.0 - width / 2,
            HPos::Right => at.0 - width,
        };
        let top = match style.pos.v_pos {
            VPos::Top => at.1,
            VPos::Center => at.1 - height / 2,
            VPos::Bottom => at.1 - height,
        };
        let ground = [(left - 2, top), (left + width + 2, top + height)];
        self.area.draw(&Rectangle::new(ground, WHITE.filled()))?;
        self.area.draw(&Text::new(text.to_owned(), at, style))
    }

    /// The promise as a line with its words.
    fn promise(&self) -> Result<(), Failed> {
        let chart = self.chart;
        let width = before_width(chart) + chart.nights.len() as f64;
        let (left, right) = (
            self.pixel(0.0, chart.promise),
            self.pixel(width, chart.promise),
        );
        let dashes = (left.0..right.0).step_by(20);
        for start in dashes {
            let end = (start + 12).min(right.0);
            let dash = vec![(start, left.1), (end, left.1)];
            self.area.draw(&PathElement::new(dash, line(PROMISE, 3)))?;
        }
        let (vertical, gap) = match chart.promise_above {
            true => (VPos::Bottom, -6),
            false => (VPos::Top, 11),
        };
        let style = letters(LETTERS, &PROMISE).pos(Pos::new(HPos::Left, vertical));
        self.write(&chart.promise_text, (left.0 + 8, left.1 + gap), style)
    }

    /// The four weeks before: faint dots, joined where nights follow one another.
    fn before(&self) -> Result<(), Failed> {
        let before = &self.chart.before;
        let step = before_width(self.chart) / (before.len() + 1) as f64;
        let points = before.iter().enumerate().map(|(index, value)| {
            let value = value.filter(|value| value.is_finite())?;
            Some(self.pixel((index + 1) as f64 * step, value))
        });
        let points: Vec<Option<Pixel>> = points.collect();
        self.joined(&points, line(FAINT, 1))?;
        for point in points.into_iter().flatten() {
            self.area.draw(&Circle::new(point, 3, FAINT.filled()))?;
        }
        if before.is_empty() {
            return Ok(());
        }
        let middle = self.pixel(before_width(self.chart) / 2.0, self.chart.range.0);
        let style = letters(LETTERS, &FAINT_INK).pos(Pos::new(HPos::Center, VPos::Top));
        self.write("before", (middle.0, middle.1 + 10), style)
    }

    /// The week's line, broken where a sample is missing.
    fn lines(&self) -> Result<(), Failed> {
        let nights = self.chart.nights.iter().enumerate();
        let points =
            nights.map(|(index, night)| Some(self.pixel(self.of_night(index), night.value?)));
        self.joined(&points.collect::<Vec<_>>(), line(KEPT_FAINT, 3))
    }

    fn joined(&self, points: &[Option<Pixel>], style: ShapeStyle) -> Result<(), Failed> {
        for piece in points.split(|point| point.is_none()) {
            let piece: Vec<Pixel> = piece.iter().copied().flatten().collect();
            if piece.len() > 1 {
                self.area.draw(&PathElement::new(piece, style))?;
            }
        }
        Ok(())
    }

    /// A night's mark with its number, and its day below.
    fn night(&self, index: usize, night: &Night) -> Result<(), Failed> {
        let across = self.of_night(index);
        let foot = self.pixel(across, self.chart.range.0);
        let below = letters(LETTERS, &INK).pos(Pos::new(HPos::Center, VPos::Top));
        self.write(&night.label, (foot.0, foot.1 + 10), below)?;
        let Some(value) = night.value else {
            let dash = vec![(foot.0 - MARK, foot.1 - 12), (foot.0 + MARK, foot.1 - 12)];
            self.area.draw(&PathElement::new(dash, line(FAINT, 4)))?;
            let style = letters(LETTERS, &FAINT_INK).pos(Pos::new(HPos::Center, VPos::Bottom));
            return self.write("none", (foot.0, foot.1 - 20), style);
        };
        let at = self.pixel(across, value);
        let colour = if night.breached { BROKEN } else { KEPT };
        let beyond = if value > self.chart.range.1 {
            "▲ "
        } else {
            ""
        };
        let style = letters(LETTERS, &colour).pos(Pos::new(HPos::Center, VPos::Bottom));
        let number = format!("{beyond}{}", number(value));
        self.write(&number, (at.0, at.1 - MARK - 5), style)?;
        self.mark(at, night)
    }

    /// A dot; a cross where the promise was broken.
    fn mark(&self, at: Pixel, night: &Night) -> Result<(), Failed> {
        match night.breached {
            true => self.area.draw(&Cross::new(at, MARK, line(BROKEN, 5))),
            false => self.area.draw(&Circle::new(at, MARK, KEPT.filled())),
        }
    }
}

/// Faint letters that can still be read.
const FAINT_INK: RGBColor = RGBColor(87, 96, 106);

/// A value with as many digits as it is worth; less than 100 percent is never written as 100.
fn number(value: f64) -> String {
    match value {
        small if small < 10.0 => format!("{small:.1}"),
        nearly if (99.5..100.0).contains(&nearly) => {
            format!("{:.1}", (nearly * 10.0).floor() / 10.0)
        }
        value => format!("{value:.0}"),
    }
}
