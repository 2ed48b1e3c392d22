//! The recorder with which handles are made, and the server's name as a label of every series.

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

/// Runs `make` with this recorder as the current one, or with the process's recorder if there is none. If the server
/// has a name, every series made gets the label `server`.
pub(crate) fn with_recorder<R>(
    recorder: Option<&dyn Recorder>,
    server: Option<&str>,
    make: impl FnOnce() -> R,
) -> R {
    match recorder {
        Some(recorder) => with_label(recorder, server, make),
        None => metrics::with_recorder(|global| with_label(global, server, make)),
    }
}

fn with_label<R>(recorder: &dyn Recorder, server: Option<&str>, make: impl FnOnce() -> R) -> R {
    let Some(server) = server else {
        return with_local_recorder(recorder, make);
    };
    let label = Label::new("server", server.to_owned());
    with_local_recorder(&Labelled { recorder, label }, make)
}

/// Adds a label to every metric that is registered.
struct Labelled<'a> {
    recorder: &'a dyn Recorder,
    label: Label,
}

impl Labelled<'_> {
    fn key(&self, key: &Key) -> Key {
        key.with_extra_labels(vec![self.label.clone()])
    }
}

impl Recorder for Labelled<'_> {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.recorder.describe_counter(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.recorder.describe_gauge(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.recorder.describe_histogram(name, unit, text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.recorder.register_counter(&self.key(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.recorder.register_gauge(&self.key(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.recorder.register_histogram(&self.key(key), metadata)
    }
}
