//! The look of values: units, colours, areas.

use lastword_server::Class;
use serde::Serialize;
use serde_json::{Value, json};

/// Grafana's name of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// A number.
    #[serde(rename = "short")]
    Count,
    /// Events per second.
    #[serde(rename = "cps")]
    PerSecond,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// Bytes per second.
    #[serde(rename = "Bps")]
    BytesPerSecond,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// A share, where 1 is the whole.
    #[serde(rename = "percentunit")]
    Share,
}

/// How the values of a panel look.
#[derive(Clone, Debug, Serialize)]
pub struct FieldConfig {
    defaults: Defaults,
    overrides: Vec<Override>,
}

impl FieldConfig {
    pub(super) const fn plain(unit: Unit) -> Self {
        Self {
            defaults: Defaults {
                unit,
                min: None,
                decimals: None,
                color: None,
                thresholds: None,
                custom: None,
            },
            overrides: Vec::new(),
        }
    }

    pub(super) const fn lines(unit: Unit) -> Self {
        let mut look = Self::plain(unit);
        look.defaults.min = Some(0.0);
        look.defaults.custom = Some(Custom::LINES);
        look
    }

    pub(super) const fn areas(unit: Unit) -> Self {
        let mut look = Self::lines(unit);
        look.defaults.custom = Some(Custom::AREAS);
        look
    }

    /// Gives each class the same colour in every panel.
    #[must_use]
    pub fn classes_in_colour(mut self) -> Self {
        let colours = Class::ALL.map(|class| Override::colour(class.label(), colour(class)));
        self.overrides.extend(colours);
        self
    }

    /// A dashed grey line for a limit of the other series.
    #[must_use]
    pub fn limit(mut self, legend: &'static str) -> Self {
        self.overrides.push(Override::limit(legend));
        self
    }

    /// Links each value of this column, a cause, to its entry in the runbook.
    #[must_use]
    pub fn to_the_runbook(mut self, column: &'static str) -> Self {
        let url = format!("{}${{__value.raw}}", crate::runbook::URL);
        let links = json!([{ "title": "Runbook", "url": url, "targetBlank": true }]);
        let property = Property {
            id: "links",
            value: links,
        };
        self.overrides.push(Override::of(column, vec![property]));
        self
    }

    /// Red from this value on, otherwise green.
    #[must_use]
    pub fn red_from(mut self, value: f64) -> Self {
        let step = |color, value| Step { color, value };
        self.defaults.color = Some(Colour { mode: "thresholds" });
        self.defaults.thresholds = Some(Thresholds {
            mode: "absolute",
            steps: [step("green", None), step("red", Some(value))],
        });
        self
    }

    /// No fractions.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.defaults.decimals = Some(0);
        self
    }
}

/// The colour of a class: green and grey mean no fault, red means our fault.
const fn colour(class: Class) -> &'static str {
    match class {
        Class::Normal => "green",
        Class::Abrupt => "orange",
        Class::Network => "blue",
        Class::Stuck => "purple",
        Class::Abuse => "yellow",
        Class::Capacity => "super-light-red",
        Class::Operator => "text",
        Class::Defect => "dark-red",
    }
}

#[derive(Clone, Debug, Serialize)]
struct Defaults {
    unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decimals: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<Colour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Thresholds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Custom>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Colour {
    mode: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Thresholds {
    mode: &'static str,
    steps: [Step; 2],
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Step {
    color: &'static str,
    value: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Custom {
    draw_style: &'static str,
    line_width: u8,
    fill_opacity: u8,
    show_points: &'static str,
    stacking: Stacking,
}

impl Custom {
    const LINES: Self = Self {
        draw_style: "line",
        line_width: 2,
        fill_opacity: 0,
        show_points: "never",
        stacking: Stacking {
            mode: "none",
            group: "A",
        },
    };
    const AREAS: Self = Self {
        line_width: 1,
        fill_opacity: 60,
        stacking: Stacking {
            mode: "normal",
            group: "A",
        },
        ..Self::LINES
    };
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Stacking {
    mode: &'static str,
    group: &'static str,
}

/// Settings that differ for the series of one name.
#[derive(Clone, Debug, Serialize)]
struct Override {
    matcher: Matcher,
    properties: Vec<Property>,
}

impl Override {
    fn colour(name: &'static str, colour: &str) -> Self {
        Self::of(name, vec![Property::colour(colour)])
    }

    fn limit(name: &'static str) -> Self {
        let dashes = json!({ "fill": "dash", "dash": [10, 10] });
        let style = Property {
            id: "custom.lineStyle",
            value: dashes,
        };
        Self::of(name, vec![Property::colour("text"), style])
    }

    const fn of(name: &'static str, properties: Vec<Property>) -> Self {
        let matcher = Matcher {
            id: "byName",
            options: name,
        };
        Self {
            matcher,
            properties,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Matcher {
    id: &'static str,
    options: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Property {
    id: &'static str,
    value: Value,
}

impl Property {
    fn colour(colour: &str) -> Self {
        let value = json!({ "mode": "fixed", "fixedColor": colour });
        Self { id: "color", value }
    }
}
