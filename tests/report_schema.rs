//! docs/record.schema.json says what a record is: a real record passes it, and each kind of wrong record does not.

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/record.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks the part of JSON Schema 2020-12 that the file uses; gives the first violation with its path.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{at}: {what}, found {value}"));
    if let Some(reference) = schema.get("$ref") {
        let target = reference.as_str().unwrap().trim_start_matches('#');
        return check(root, root.pointer(target).expect("the reference leads somewhere"), value, at);
    }
    if let Some(choices) = schema.get("anyOf") {
        let fits = choices.as_array().unwrap().iter().any(|s| check(root, s, value, at).is_ok());
        return if fits { Ok(()) } else { wrong("fits none of anyOf") };
    }
    if let Some(constant) = schema.get("const") {
        return if constant == value { Ok(()) } else { wrong(&format!("must be {constant}")) };
    }
    if let Some(list) = schema.get("enum") {
        return if list.as_array().unwrap().contains(value) { Ok(()) } else { wrong("not in the enum") };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().map(|t| t.as_str().unwrap()).collect(),
        other => panic!("{at}: no type in the schema: {other}"),
    };
    if !types.iter().any(|t| is_type(t, value)) {
        return wrong(&format!("must be {types:?}"));
    }
    if let (Some(minimum), Some(number)) = (schema.get("minimum"), value.as_f64())
        && number < minimum.as_f64().unwrap()
    {
        return wrong("below the minimum");
    }
    match value {
        Value::Object(fields) => {
            let known = schema["properties"].as_object().unwrap();
            for name in schema["required"].as_array().unwrap() {
                if !fields.contains_key(name.as_str().unwrap()) {
                    return Err(format!("{at}: {name} is missing"));
                }
            }
            for (name, inner) in fields {
                let part = known.get(name).ok_or_else(|| format!("{at}: {name} is not in the schema"))?;
                check(root, part, inner, &format!("{at}/{name}"))?;
            }
            Ok(())
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let part = schema.get("prefixItems").map_or(&schema["items"], |parts| &parts[i]);
                check(root, part, item, &format!("{at}/{i}"))?;
            }
            let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap());
            let enough = bound("minItems").is_none_or(|n| items.len() >= n);
            let not_too_many = bound("maxItems").is_none_or(|n| items.len() <= n);
            if enough && not_too_many { Ok(()) } else { wrong("has another length") }
        }
        _ => Ok(()),
    }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no JSON type"),
    }
}

fn verdict(value: &Value) -> Result<(), String> {
    let schema = schema();
    check(&schema, &schema, value, "")
}

#[test]
fn a_record_fits_the_schema() {
    verdict(&serde_json::to_value(support::record()).unwrap()).unwrap();
}

#[test]
fn every_field_of_a_record_is_described_and_none_is_left_over() {
    // Taking any one field away anywhere must be noticed, so each is both known and required.
    let whole = serde_json::to_value(support::record()).unwrap();
    let mut paths = Vec::new();
    collect(&whole, String::new(), &mut paths);
    assert!(paths.len() > 100, "{}", paths.len());
    for path in paths {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut less = whole.clone();
        less.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        assert!(verdict(&less).is_err(), "nobody missed {path}");
    }
}

/// Paths of all fields of objects; of arrays only the first item's.
fn collect(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                out.push(format!("{at}/{name}"));
                collect(inner, format!("{at}/{name}"), out);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                collect(first, format!("{at}/0"), out);
            }
        }
        _ => {}
    }
}

#[test]
fn wrong_records_do_not_fit() {
    let spoil = |path: &str, value: Value| {
        let mut record = serde_json::to_value(support::record()).unwrap();
        *record.pointer_mut(path).unwrap() = value;
        verdict(&record)
    };
    for (path, value) in [
        ("/schema_version", Value::from(2)),
        ("/stream/batch", Value::from(-1)),
        ("/stream/batch", Value::from(1.5)),
        ("/costs/0/fits", Value::from("yes")),
        ("/costs/0/phases/0/phase", Value::from("lunch")),
        ("/provenance/inputs/0", Value::from(vec!["one"])),
        ("/joint_upper_bound", Value::from(0.5)),
    ] {
        assert!(spoil(path, value.clone()).is_err(), "{path} = {value} passed");
    }
    assert!(spoil("/joint_upper_bound", Value::Null).is_ok());
}
