//! The drawings of the HTML report. Each is an SVG with a view box, so that it is as wide as its place; colours and letters are the
//! page's (`report.css`).

use maud::{Markup, html};

use super::report::Share;

const WIDTH: f64 = 280.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 34.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 22.0;
/// What the steps of axes are one, two or five times of.
const TENS: [f64; 14] = [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// A line does not show more points.
const POINTS: usize = 120;

/// A number as axes have it: 12k in place of 12000.
pub fn short(number: f64) -> String {
    let (number, unit) = match number.abs() {
        1_000_000.0.. => (number / 1_000_000.0, "M"),
        1_000.0.. => (number / 1_000.0, "k"),
        _ => (number, ""),
    };
    let digits = format!("{number:.1}");
    format!("{}{unit}", digits.strip_suffix(".0").unwrap_or(&digits))
}

/// Round numbers from 0 up to `top`, at most five of them after 0.
pub fn ticks(top: f64) -> Vec<f64> {
    let mut steps = TENS.iter().flat_map(|ten| [*ten, 2.0 * ten, 5.0 * ten]);
    let step = steps.find(|step| top / step <= 5.0).unwrap_or(top.max(1.0));
    (0..=5).map(|number| f64::from(number) * step).take_while(|tick| *tick <= top * 1.000_001).collect()
}

/// The place of every panel of a kind: the same axes, so that they can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The right end of the turns.
    pub turns: f64,
    /// The upper end.
    pub top: f64,
}

impl Frame {
    fn x(self, turn: f64) -> f64 {
        LEFT + (turn / self.turns.max(1.0)).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(self, value: f64) -> f64 {
        let share = if self.top > 0.0 { (value / self.top).clamp(0.0, 1.0) } else { 0.0 };
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn drawing(self, label: &str, tell: impl Fn(f64) -> String, what: Markup) -> Markup {
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                @for tick in ticks(self.top) {
                    path class="grid" d=(format!("M{LEFT} {y:.1}H{}", WIDTH - RIGHT, y = self.y(tick))) {}
                    text x=(LEFT - 5.0) y=(format!("{:.1}", self.y(tick) + 3.5)) text-anchor="end" { (tell(tick)) }
                }
                (what)
                @for tick in ticks(self.turns) {
                    text x=(format!("{:.1}", self.x(tick))) y=(HEIGHT - 7.0) text-anchor="middle" { (short(tick)) }
                }
            }
        }
    }
}

/// Wealth by turn: the median, the band in which eight of ten games are, and the goal.
pub fn wealth(frame: Frame, label: &str, steps: &[[i64; 3]], goal: i64) -> Markup {
    let stride = steps.len().div_ceil(POINTS).max(1);
    let last = steps.len().saturating_sub(1);
    let turns: Vec<_> = (0..steps.len()).filter(|turn| turn % stride == 0 || *turn == last).collect();
    let point = |turn: usize, of: usize| format!("{:.1} {:.1}", frame.x(turn as f64), frame.y(steps[turn][of] as f64));
    let line = |of: usize| turns.iter().map(|turn| point(*turn, of)).collect::<Vec<_>>().join("L");
    let back = turns.iter().rev().map(|turn| point(*turn, 0)).collect::<Vec<_>>().join("L");
    let y = frame.y(goal as f64);
    let what = html! {
        @if !turns.is_empty() {
            path class="band" d=(format!("M{}L{back}Z", line(2))) {}
            path class="goal" d=(format!("M{LEFT} {y:.1}H{}", WIDTH - RIGHT)) {}
            path class="median" d=(format!("M{}", line(1))) {}
        }
    };
    frame.drawing(label, short, what)
}

/// Shares of games by the turn at which they ended, won ones below lost ones.
pub fn lengths(frame: Frame, label: &str, width: i64, bins: &[[f64; 2]]) -> Markup {
    let what = html! {
        @for (number, [won, lost]) in (0i64..).zip(bins) {
            @let (from, to) = (frame.x((number * width) as f64), frame.x(((number + 1) * width) as f64));
            @for (class, low, high) in [("won", 0.0, *won), ("lost", *won, won + lost)] {
                @if high > low {
                    @let (y, height) = (frame.y(high), frame.y(low) - frame.y(high));
                    rect class=(class) x=(format!("{from:.1}")) y=(format!("{y:.1}"))
                        width=(format!("{:.1}", (to - from - 1.0).max(0.5))) height=(format!("{height:.1}")) {}
                }
            }
        }
    };
    frame.drawing(label, |share| format!("{}%", short(100.0 * share)), what)
}

/// A share with its interval as whiskers, in a bar for the whole.
pub fn interval(share: Share, label: &str) -> Markup {
    let [rate, from, to] = [share.rate, share.from, share.to].map(|share| 1.0 + 198.0 * share);
    html! {
        svg viewBox="0 0 200 14" role="img" aria-label=(label) {
            rect class="track" x="1" y="3" width="198" height="8" {}
            rect class="won" x="1" y="3" width=(format!("{:.1}", rate - 1.0)) height="8" {}
            path class="whisker" d=(format!("M{from:.1} 7H{to:.1}M{from:.1} 3.5V10.5M{to:.1} 3.5V10.5")) {}
        }
    }
}

/// A bar for a share of a whole.
pub fn bar(share: f64, class: &str) -> Markup {
    html! {
        svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect class="track" width="100" height="8" {}
            rect class=(class) width=(format!("{:.2}", 100.0 * share.clamp(0.0, 1.0))) height="8" {}
        }
    }
}

/// Shares that make up a whole, side by side: their colour, name, and share.
pub fn stack(parts: &[(&str, String, f64)], label: &str) -> Markup {
    let mut at = 0.0;
    let places: Vec<_> = parts
        .iter()
        .map(|(class, name, share)| {
            at += 100.0 * share;
            (class, name, at - 100.0 * share, 100.0 * share)
        })
        .collect();
    html! {
        svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect class="track" width="100" height="10" {}
            @for (class, name, from, width) in places {
                rect class=(class) x=(format!("{from:.2}")) width=(format!("{width:.2}")) height="10" { title { (name) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!(ticks(1000.0), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        assert_eq!(ticks(0.27), [0.0, 0.1, 0.2]);
        assert_eq!(ticks(0.0), [0.0]);
        assert_eq!([0.0, 250.0, 1500.0, 20_000.0, 2_000_000.0].map(short), ["0", "250", "1.5k", "20k", "2M"]);
    }
}
