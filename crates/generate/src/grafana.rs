//! The part of Grafana's dashboard model that our dashboards need, under Grafana's names. The serialised form is
//! Grafana's input.

mod look;
mod options;
mod panel;
mod variable;

use anyhow::{Context, ensure};
use serde::Serialize;

pub use look::{FieldConfig, Unit};
pub use panel::{Grid, Panel, Target};
pub use variable::Variable;

use crate::query::{Known, Labels};

/// A dashboard.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// The identifier in links.
    pub uid: &'static str,
    title: &'static str,
    description: &'static str,
    tags: [&'static str; 1],
    editable: bool,
    /// 1: the cross-hair appears in every panel at once.
    graph_tooltip: u8,
    schema_version: u8,
    refresh: &'static str,
    time: Time,
    timezone: &'static str,
    templating: Templating,
    links: [Link; 1],
    /// The panels.
    pub panels: Vec<Panel>,
}

impl Board {
    /// Makes a dashboard of these panels and arranges them in rows.
    #[must_use]
    pub fn new(uid: &'static str, title: &'static str, description: &'static str) -> Self {
        Self {
            uid,
            title,
            description,
            tags: [TAG],
            editable: true,
            graph_tooltip: 1,
            schema_version: 39,
            refresh: "10s",
            time: Time {
                from: "now-1h",
                to: "now",
            },
            timezone: "browser",
            templating: Templating {
                list: vec![Variable::datasource(), Variable::instance()],
            },
            links: [Link::TO_THE_OTHERS],
            panels: Vec::new(),
        }
    }

    /// Lets the reader choose cohorts as well.
    #[must_use]
    pub fn by_cohort(mut self) -> Self {
        self.templating.list.push(Variable::cohort());
        self
    }

    /// Puts a row of panels below the others, with this height. The widths of its panels add up to 24.
    #[must_use]
    pub fn row<const N: usize>(mut self, height: u8, panels: [(u8, Panel); N]) -> Self {
        let y = self
            .panels
            .last()
            .map_or(0, |above| above.grid_pos.bottom());
        let mut x = 0;
        for (width, panel) in panels {
            let id = self.panels.len() + 1;
            self.panels.push(panel.at(
                id,
                Grid {
                    h: height,
                    w: width,
                    x,
                    y,
                },
            ));
            x += width;
        }
        self
    }

    /// Checks every query and every legend, and that the panels fill their rows.
    ///
    /// # Errors
    /// A panel whose query asks for something that does not exist, or that reaches over the edge.
    pub fn check(&self, known: &Known) -> anyhow::Result<()> {
        for panel in &self.panels {
            for target in &panel.targets {
                let labels = known
                    .check(&target.expr)
                    .with_context(|| format!("{}: {}", self.uid, panel.title))?;
                check_legend(&target.legend_format, &labels)
                    .with_context(|| format!("{}: {}", self.uid, panel.title))?;
            }
            let right = panel.grid_pos.x + panel.grid_pos.w;
            ensure!(
                right <= 24,
                "{}: {} ends at {right} of 24",
                self.uid,
                panel.title
            );
        }
        Ok(())
    }
}

/// A legend may name only labels that the answer has.
fn check_legend(legend: &str, labels: &Labels) -> anyhow::Result<()> {
    let named = legend
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split("}}").next());
    for label in named {
        ensure!(
            labels.contains(label.trim()),
            "the answer has no `{label}` for its legend"
        );
    }
    Ok(())
}

#[derive(Clone, Debug, Serialize)]
struct Time {
    from: &'static str,
    to: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Templating {
    list: Vec<Variable>,
}

/// A menu of dashboards.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    title: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    tags: [&'static str; 1],
    as_dropdown: bool,
    include_vars: bool,
    keep_time: bool,
    target_blank: bool,
    icon: &'static str,
    tooltip: &'static str,
    url: &'static str,
}

impl Link {
    const TO_THE_OTHERS: Self = Self {
        title: "lastword",
        kind: "dashboards",
        tags: [TAG],
        as_dropdown: false,
        include_vars: true,
        keep_time: true,
        target_blank: false,
        icon: "external link",
        tooltip: "",
        url: "",
    };
}

const TAG: &str = "lastword";

#[cfg(test)]
mod tests;
