//! Uploads to the backends themselves, and to receivers by their published definitions: what arrived is what was recorded.
//! `make test-backends` builds what receives and says where in `BACKENDS`; `PYROSCOPE` and `PARCA` are a binary or the URL
//! of a running server.

mod collected;
mod http;
mod large;
mod parca;
mod pushed;
mod pyroscope;
mod received;
mod servers;

use crate::lab;
use crate::receiver::{Answer, Receiver};
use crate::{Skip, tests};
use parca::Parca;
use pushed::{
    COUNT, CPU, SERVICE, assert_hot, assert_labels, assert_same, assert_same_stacks, assert_series,
    named, push, stacks, type_id,
};
use pyroscope::Pyroscope;
use received::{Frame, Received};
use servers::{Collector, Definition, built};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

tests!(
    references_that_lead_nowhere_are_seen,
    the_collector_has_what_was_recorded,
    pyroscopes_definition_has_what_was_recorded,
    parcas_definition_has_what_was_recorded,
    addresses_and_build_ids_for_backends_that_symbolize,
    a_large_profile_arrives_in_parts,
    pyroscopes_own_client_sends_the_same_shape,
    official_messages_decode_what_is_sent,
    the_real_pyroscope_shows_what_was_recorded,
    the_real_pyroscope_adds_parts_up,
    the_real_parca_shows_what_was_recorded,
    the_real_parca_adds_parts_up,
);

/// The reader of the Collector's file is worth something only if it refuses what does not hold together.
fn references_that_lead_nowhere_are_seen() -> Result<(), Skip> {
    let line = |stack: u32, location: u32, name: u32| {
        format!(
            r#"{{"resourceProfiles":[{{"scopeProfiles":[{{"scope":{{"name":"bpflame"}},"profiles":[
            {{"samples":[{{"stackIndex":{stack},"values":["1"]}}],"profileId":"{:032}"}}]}}]}}],
            "dictionary":{{"mappingTable":[{{}}],"locationTable":[{{}},{{"lines":[{{"functionIndex":1}}]}}],
            "functionTable":[{{}},{{"nameStrindex":{name}}}],"linkTable":[{{}}],"stringTable":["","x"],
            "attributeTable":[{{"value":{{}}}}],"stackTable":[{{}},{{"locationIndices":[{location}]}}]}}}}"#,
            1
        )
    };
    assert_eq!(collected::profiles(&line(1, 1, 1))[0].samples[0].stack[0].function, "x");
    for wrong in [line(2, 1, 1), line(1, 2, 1), line(1, 1, 2)] {
        let seen = std::panic::catch_unwind(|| collected::profiles(&wrong)).unwrap_err();
        let said = seen.downcast_ref::<String>().unwrap();
        assert!(said.contains("has no 2: it has 2"), "{said}");
    }
    Ok(())
}

fn the_collector_has_what_was_recorded() -> Result<(), Skip> {
    let collector = Collector::start()?;
    let whole = push(&[format!("otlp+http://{}", collector.address)], "")?;
    let parts = collector.received();
    assert_same(&whole, &parts);
    assert_labels(&parts);
    for part in &parts {
        assert_series(part, &[("service.name", SERVICE), ("region", "here")]);
        let with_comm = part.samples.iter().all(|s| s.labels.values().any(|v| v == "chain"));
        assert!(with_comm, "each sample has its process's name");
        let ours = part.mappings.iter().find(|(file, _)| file.ends_with("/chain"));
        assert!(ours.is_some_and(|(_, id)| id.len() == 40), "{:?}", part.mappings);
    }
    Ok(())
}

fn pyroscopes_definition_has_what_was_recorded() -> Result<(), Skip> {
    let definition = Definition::pyroscope()?;
    let whole = push(&[format!("pyroscope+http://{}", definition.address)], "")?;
    let parts = definition.received();
    assert_same(&whole, &parts);
    assert_labels(&parts);
    for part in &parts {
        let name = ("__name__", "process_cpu");
        assert_series(part, &[name, ("service_name", SERVICE), ("region", "here")]);
        assert_eq!(part.headers["content-type"], "application/proto");
        assert_eq!(part.headers["content-encoding"], "gzip");
        let allowed = |key: &String| ["comm", "container_id", "unit"].contains(&key.as_str());
        assert!(part.samples.iter().all(|s| s.labels.keys().all(allowed)), "{:?}", part.samples);
    }
    Ok(())
}

fn parcas_definition_has_what_was_recorded() -> Result<(), Skip> {
    let definition = Definition::parca()?;
    let whole = push(&[format!("parca+http://{}", definition.address)], "")?;
    let parts = definition.received();
    assert_same(&whole, &parts);
    assert_labels(&parts);
    for part in &parts {
        // It keeps no labels of samples: those are the series', too.
        let (name, comm) = (("__name__", "process_cpu"), ("comm", "chain"));
        assert_series(part, &[name, comm, ("service_name", SERVICE), ("region", "here")]);
    }
    Ok(())
}

/// Without symbols, user code goes as addresses with the files' build IDs; the kernel's has its names.
fn addresses_and_build_ids_for_backends_that_symbolize() -> Result<(), Skip> {
    let (collector, parca) = (Collector::start()?, Definition::parca()?);
    let urls =
        [format!("otlp+http://{}", collector.address), format!("parca+http://{}", parca.address)];
    let whole = push(&urls, "--no-symbolize")?;
    for parts in [collector.received(), parca.received()] {
        assert_eq!(stacks(&parts, COUNT), stacks([&whole], COUNT));
        let frames: Vec<_> = parts.iter().flat_map(|p| &p.samples).flat_map(|s| &s.stack).collect();
        assert!(frames.iter().any(|f| f.function.is_empty() && f.address > 0), "user code");
        let in_chain = |f: &&Frame| f.file.ends_with("chain.c") || f.function == "omega";
        assert_eq!(frames.iter().copied().find(in_chain), None);
        let kernel = |f: &&&Frame| f.address >> 63 == 1;
        assert!(frames.iter().filter(kernel).all(|f| !f.function.is_empty()), "{frames:?}");
        let ours = parts[0].mappings.iter().find(|(file, _)| file.ends_with("/chain"));
        assert!(ours.is_some_and(|(_, id)| id.len() == 40), "{:?}", parts[0].mappings);
    }
    Ok(())
}

/// A text that no earlier run had: a server at a URL may remember those.
fn unique() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().to_string()
}

/// Uploads more than a backend takes at once.
fn upload_large(service: &str, urls: &[String]) -> Received {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large.pb.gz");
    large::write(&file);
    let mut command = lab::command(["upload", "--service-name", service]);
    command.args(urls.iter().flat_map(|url| ["--push", url])).arg(&file);
    let ended = lab::finish(&mut command).with_code(0);
    assert!(!ended.err.contains("twice"), "the machine was too slow: {}", ended.err);
    Received::from_file(&file)
}

fn a_large_profile_arrives_in_parts() -> Result<(), Skip> {
    let (pyroscope, parca) = (Definition::pyroscope()?, Definition::parca()?);
    let collector = Collector::start()?;
    let whole = upload_large(
        "large",
        &[
            format!("pyroscope+http://{}", pyroscope.address),
            format!("parca+http://{}", parca.address),
            format!("otlp+http://{}", collector.address),
        ],
    );
    let parts = pyroscope.received();
    assert!(parts.len() > 2, "{} parts", parts.len());
    for parts in [parts, parca.received(), collector.received()] {
        for kind in [COUNT, CPU] {
            assert_same_stacks(&parts, &whole, kind);
        }
    }
    Ok(())
}

/// Pyroscope's own client for Python, against the same receiver: the shape to match.
fn pyroscopes_own_client_sends_the_same_shape() -> Result<(), Skip> {
    let definition = Definition::pyroscope()?;
    let python = built("python")?.join("bin/python");
    let url = format!("http://{}", definition.address);
    let script = lab::root().join("tests/backends/client.py");
    lab::finish(Command::new(python).arg(script).args([&url, SERVICE])).with_code(0);
    let theirs = definition.received().pop().expect("it sent a profile");
    push(&[format!("pyroscope+{url}")], "")?;
    let ours = definition.received().pop().expect("we did, too");
    assert_eq!(theirs.types, [CPU]);
    assert!(ours.types.contains(&theirs.types[0]), "{:?}", ours.types);
    assert_eq!(ours.period_type, theirs.period_type);
    for key in ["__name__", "service_name", "region"] {
        assert_eq!(ours.labels[key], theirs.labels[key], "{key}");
    }
    for name in ["content-type", "content-encoding"] {
        assert_eq!(ours.headers[name], theirs.headers[name], "{name}");
    }
    Ok(())
}

/// OTLP's official messages for Python: a second decoder of the body as it was sent. It checks every index.
fn official_messages_decode_what_is_sent() -> Result<(), Skip> {
    let python = built("python")?.join("bin/python");
    let sink = Receiver::start(&[Answer::ok("otlp")]);
    let whole = push(&[sink.url("otlp")], "")?;
    let [request] = &sink.requests()[..] else { panic!("one request: {:?}", sink.requests()) };
    let directory = tempfile::tempdir().unwrap();
    let body = directory.path().join("body");
    std::fs::write(&body, &request.body).unwrap();
    let script = lab::root().join("tests/backends/otlp/read.py");
    let told = lab::finish(Command::new(python).arg(script).arg(body)).with_code(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let profiles = received::list(&told["profiles"]);
    for kind in [COUNT, CPU] {
        let its = profiles.iter().find(|p| p["type"] == kind).expect("each column is a profile");
        assert_eq!(its["sum"], whole.sum(kind));
        assert_eq!(its["resource"]["service.name"], SERVICE);
        let functions = told["functions"][kind].as_object().unwrap();
        assert!(
            functions.keys().any(|f| f.contains("spin") || f.contains("omega")),
            "{functions:?}"
        );
    }
    Ok(())
}

fn the_real_pyroscope_shows_what_was_recorded() -> Result<(), Skip> {
    let (server, run) = (Pyroscope::start()?, unique());
    let url = format!("pyroscope+http://{}", server.address());
    let whole = push(&[url], &format!("--label run={run}"))?;
    let time = whole.time;
    let selector = format!("{{service_name=\"{SERVICE}\",region=\"here\",run=\"{run}\"}}");
    lab::wait_for("the profile", || (!server.series(&selector, time).is_empty()).then_some(()));
    for kind in [COUNT, CPU] {
        assert!(server.types(time).contains(&type_id(kind)), "{:?}", server.types(time));
        let shown = server.merged(&type_id(kind), &selector, time);
        assert_eq!(shown.types, [kind]);
        assert_eq!(shown.sum(kind), whole.sum(kind), "{kind}");
        assert_eq!(named(stacks([&shown], kind)), named(stacks([&whole], kind)), "{kind}");
        assert_hot(&[shown], kind);
        let (total, names) = server.rendered(&format!("{}{selector}", type_id(kind)));
        assert_eq!(total, whole.sum(kind), "{kind}");
        assert!(names.iter().any(|n| n == "omega"), "{names:?}");
    }
    for labels in server.series(&selector, time) {
        assert!(labels.contains(&"comm=chain".to_owned()), "{labels:?}");
        assert!(
            !labels.iter().any(|l| l.starts_with("pid=") || l.starts_with("tid=")),
            "{labels:?}"
        );
    }
    Ok(())
}

fn the_real_parca_shows_what_was_recorded() -> Result<(), Skip> {
    let (server, run) = (Parca::start()?, unique());
    let whole =
        push(&[format!("parca+http://{}", server.address())], &format!("--label run={run}"))?;
    for kind in [COUNT, CPU] {
        let id = format!("{}:delta", type_id(kind));
        let labels =
            format!("service_name=\"{SERVICE}\",region=\"here\",run=\"{run}\",comm=\"chain\"");
        let selector = format!("{id}{{{labels}}}");
        let shown = lab::wait_for("the profile", || server.merged(&selector, whole.time));
        assert!(server.types().contains(&id), "{:?}", server.types());
        // Of counts it makes time: each stands for a period.
        let factor = if kind == COUNT { whole.period } else { 1 };
        assert_eq!(shown.types, [CPU]);
        assert_eq!(shown.sum(CPU), whole.sum(kind) * factor, "{kind}");
        let mut recorded = named(stacks([&whole], kind));
        recorded.values_mut().for_each(|value| *value *= factor);
        assert_eq!(named(stacks([&shown], CPU)), recorded, "{kind}");
        assert_hot(&[shown], CPU);
    }
    Ok(())
}

fn the_real_pyroscope_adds_parts_up() -> Result<(), Skip> {
    let server = Pyroscope::start()?;
    let service = format!("large-{}", unique());
    let whole = upload_large(&service, &[format!("pyroscope+http://{}", server.address())]);
    let selector = format!("{{service_name=\"{service}\"}}");
    for kind in [COUNT, CPU] {
        let shown = server.merged(&type_id(kind), &selector, whole.time);
        assert_eq!(named(stacks([&shown], kind)), named(stacks([&whole], kind)), "{kind}");
    }
    Ok(())
}

fn the_real_parca_adds_parts_up() -> Result<(), Skip> {
    let server = Parca::start()?;
    let service = format!("large-{}", unique());
    let whole = upload_large(&service, &[format!("parca+http://{}", server.address())]);
    let selector = format!("{}:delta{{service_name=\"{service}\"}}", type_id(CPU));
    let shown = lab::wait_for("the profile", || server.merged(&selector, whole.time));
    assert_eq!(named(stacks([&shown], CPU)), named(stacks([&whole], CPU)));
    Ok(())
}
