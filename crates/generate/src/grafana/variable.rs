//! The choices that the reader of a dashboard has.

use serde::Serialize;

use super::panel::Datasource;

/// A variable of a dashboard.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    name: &'static str,
    label: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    query: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    datasource: Option<Datasource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all_value: Option<&'static str>,
    include_all: bool,
    multi: bool,
    /// 2: Grafana asks for the values again when the time range changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<u8>,
    /// 1: in alphabetical order.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<u8>,
}

impl Variable {
    /// The Prometheus to query.
    pub(super) const fn datasource() -> Self {
        Self {
            name: "datasource",
            label: "Prometheus",
            kind: "datasource",
            query: "prometheus",
            datasource: None,
            all_value: None,
            include_all: false,
            multi: false,
            refresh: None,
            sort: None,
        }
    }

    /// The servers to show.
    pub(super) const fn instance() -> Self {
        Self::values_of(
            "instance",
            "Server",
            "label_values(lastword_build_info, instance)",
        )
    }

    /// The cohorts to show.
    pub(super) const fn cohort() -> Self {
        Self::values_of(
            "cohort",
            "Cohort",
            "label_values(lastword_departures_total, cohort)",
        )
    }

    const fn values_of(name: &'static str, label: &'static str, query: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "query",
            query,
            datasource: Some(Datasource::CHOSEN),
            all_value: Some(".+"),
            include_all: true,
            multi: true,
            refresh: Some(2),
            sort: Some(1),
        }
    }
}
