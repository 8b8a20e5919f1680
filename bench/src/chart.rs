//! A picture of the CPU time of the programs: horizontal bars, as SVG.

use crate::{figures::Comparison, table::number};

/// The panels: a title, and the figure that is drawn.
const PANELS: [(&str, &str); 2] = [
    ("CPU from start to first poll", "start to first poll, CPU, µs"),
    ("CPU of a warm create", "create, CPU, µs"),
];

/// The bars of a panel: a label, the class of the bar, and the title of the program.
const BARS: [(&str, &str, &str); 4] = [
    ("echo", "other", "echo"),
    ("assistant", "own", "assistant"),
    ("pathway", "own", "pathway"),
    ("plain", "other", "plain (assistant)"),
];

/// The width of the longest bar of a panel, in px.
const LONGEST: f64 = 480.0;

/// The background is drawn, so that the text is readable on a page of either theme.
const STYLE: &str = "\
text{font:14px system-ui,sans-serif;fill:#1f2328}.panel{font-weight:600}.label{text-anchor:end}\
.back{fill:#fff}.own{fill:#0969da}.other{fill:#8c959f}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}\
.own{fill:#4493f8}.other{fill:#6e7681}}";

/// Draws the picture. A program without a figure has no bar.
pub fn svg(comparison: &Comparison) -> String {
    let (mut shapes, mut description, mut y) = (String::new(), String::new(), 8);
    for (panel, name) in PANELS {
        let value = |program: &str| comparison.get(program)?.get(name).copied();
        let longest = BARS.iter().filter_map(|(_, _, program)| value(program)).fold(1.0, f64::max);
        shapes += &format!("<text class=\"panel\" x=\"16\" y=\"{}\">{panel}</text>\n", y + 20);
        description += &format!("{panel}:");
        y += 32;
        for (label, class, program) in BARS {
            let Some(value) = value(program) else { continue };
            let (width, text) = (LONGEST * value / longest, number(value.round()));
            shapes += &format!(
                "<text class=\"label\" x=\"100\" y=\"{baseline}\">{label}</text>\
                 <rect class=\"{class}\" x=\"110\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" rx=\"3\"/>\
                 <text x=\"{end:.1}\" y=\"{baseline}\">{text} µs</text>\n",
                baseline = y + 15,
                end = 118.0 + width,
            );
            description += &format!(" {label} {text} µs;");
            y += 28;
        }
        description += "\n";
        y += 8;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {y}\" width=\"720\" \
         height=\"{y}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">CPU time of an execution environment, in µs</title>\n\
         <desc id=\"desc\">{description}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"720\" height=\"{y}\" rx=\"6\"/>\n{shapes}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    #[test]
    fn longest_bar_is_that_of_the_largest_figure() {
        let figures = |value| Figures::from([("create, CPU, µs".to_owned(), value)]);
        let svg = svg(&Comparison::from([
            ("echo".to_owned(), figures(1000.4)),
            ("plain (assistant)".to_owned(), figures(2000.0)),
        ]));
        assert!(svg.contains("CPU of a warm create: echo 1,000 µs; plain 2,000 µs;"), "{svg}");
        assert!(svg.contains("width=\"240.1\"") && svg.contains("width=\"480.0\""), "{svg}");
        assert_eq!(svg.matches("class=\"label\"").count(), 2);
    }
}
