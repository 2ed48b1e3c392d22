//! One panel: its queries and its place.

use serde::Serialize;
use serde_json::{Value, json};

use super::look::{FieldConfig, Unit};
use super::options::Options;

/// A panel of a dashboard.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    id: usize,
    /// The title above the panel.
    pub title: &'static str,
    description: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    datasource: Datasource,
    /// The place of the panel.
    pub grid_pos: Grid,
    /// The queries.
    pub targets: Vec<Target>,
    /// The look of the values.
    pub field_config: FieldConfig,
    options: Options,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transformations: Vec<Transformation>,
}

impl Panel {
    /// Lines over time.
    #[must_use]
    pub fn lines(title: &'static str, unit: Unit, description: &'static str) -> Self {
        Self::new(
            "timeseries",
            title,
            description,
            FieldConfig::lines(unit),
            Options::series(),
        )
    }

    /// Areas over time, stacked.
    #[must_use]
    pub fn areas(title: &'static str, unit: Unit, description: &'static str) -> Self {
        Self::new(
            "timeseries",
            title,
            description,
            FieldConfig::areas(unit),
            Options::series(),
        )
    }

    /// One figure.
    #[must_use]
    pub fn figure(title: &'static str, unit: Unit, description: &'static str) -> Self {
        Self::new(
            "stat",
            title,
            description,
            FieldConfig::plain(unit),
            Options::figure(),
        )
    }

    /// A table of one query, the greatest value first: these labels as columns, and `value`.
    #[must_use]
    pub fn table(
        title: &'static str,
        unit: Unit,
        description: &'static str,
        columns: &[(&str, &str)],
        value: (&'static str, &str),
    ) -> Self {
        let mut panel = Self::new(
            "table",
            title,
            description,
            FieldConfig::plain(unit),
            Options::table(value.0),
        );
        panel.transformations = vec![Transformation::columns(columns, value)];
        panel.query(value.1)
    }

    /// Adds a line, an area or a figure for each series of the answer; the legend may name its labels as `{{label}}`.
    #[must_use]
    pub fn shows(mut self, legend: &'static str, expr: &str) -> Self {
        let ref_id = ref_id(self.targets.len());
        self.targets.push(Target {
            instant: false,
            range: true,
            ..Target::new(ref_id, legend, expr)
        });
        self
    }

    /// The same, for the present values only.
    #[must_use]
    pub fn shows_now(mut self, legend: &'static str, expr: &str) -> Self {
        let ref_id = ref_id(self.targets.len());
        self.targets.push(Target::new(ref_id, legend, expr));
        self
    }

    /// Sets the look of its values.
    #[must_use]
    pub fn with(mut self, look: impl FnOnce(FieldConfig) -> FieldConfig) -> Self {
        self.field_config = look(self.field_config);
        self
    }

    pub(super) fn at(mut self, id: usize, grid_pos: Grid) -> Self {
        self.id = id;
        self.grid_pos = grid_pos;
        self
    }

    fn query(mut self, expr: &str) -> Self {
        self.targets.push(Target {
            format: Some("table"),
            ..Target::new("A", "", expr)
        });
        self
    }

    fn new(
        kind: &'static str,
        title: &'static str,
        description: &'static str,
        field_config: FieldConfig,
        options: Options,
    ) -> Self {
        Self {
            id: 0,
            title,
            description,
            kind,
            datasource: Datasource::CHOSEN,
            grid_pos: Grid::default(),
            targets: Vec::new(),
            field_config,
            options,
            transformations: Vec::new(),
        }
    }
}

/// The Prometheus data source that the reader chose.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Datasource {
    #[serde(rename = "type")]
    kind: &'static str,
    uid: &'static str,
}

impl Datasource {
    pub(super) const CHOSEN: Self = Self {
        kind: "prometheus",
        uid: "${datasource}",
    };
}

/// The place of a panel, in 24 columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grid {
    /// Its height.
    pub h: u8,
    /// Its width.
    pub w: u8,
    /// Its left edge.
    pub x: u8,
    /// Its upper edge.
    pub y: u8,
}

impl Grid {
    pub(super) const fn bottom(self) -> u8 {
        self.y + self.h
    }
}

/// One query of a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    ref_id: &'static str,
    /// The query, with Grafana's variables.
    pub expr: String,
    /// The legend of each series of the answer.
    pub legend_format: String,
    instant: bool,
    range: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
}

impl Target {
    fn new(ref_id: &'static str, legend: &str, expr: &str) -> Self {
        Self {
            ref_id,
            expr: expr.to_owned(),
            legend_format: legend.to_owned(),
            instant: true,
            range: false,
            format: None,
        }
    }
}

fn ref_id(index: usize) -> &'static str {
    ["A", "B", "C", "D", "E", "F"]
        .get(index)
        .copied()
        .unwrap_or("Z")
}

/// A transformation of an answer before it is shown.
#[derive(Clone, Debug, Serialize)]
struct Transformation {
    id: &'static str,
    options: Value,
}

impl Transformation {
    /// The columns of a table, in this order and with these headings.
    fn columns(columns: &[(&str, &str)], (value, _): (&str, &str)) -> Self {
        let labels = columns.iter().map(|(label, _)| *label);
        let order: serde_json::Map<_, _> = labels
            .chain(["Value"])
            .enumerate()
            .map(|(index, name)| (name.to_owned(), json!(index)))
            .collect();
        let names: serde_json::Map<_, _> = columns
            .iter()
            .copied()
            .chain([("Value", value)])
            .map(|(label, heading)| (label.to_owned(), json!(heading)))
            .collect();
        Self {
            id: "organize",
            options: json!({
                "excludeByName": { "Time": true },
                "indexByName": order,
                "renameByName": names,
            }),
        }
    }
}
