//! Faults word by word, of events and of schemas.

use super::*;

/// Schema, event, pointer, keyword, detail. The value `hunter2` must be in no answer.
const FAULTS: &str = r##"{"type": "object"} | "hunter2" | | type | must be object
{"type": ["integer", "null"]} | "hunter2" | | type | must be null or integer
{"required": ["user_id"]} | {"a": "hunter2"} | | required | `user_id` is missing
{"properties": {"a/b": {"enum": ["x", 1]}}} | {"a/b": "hunter2"} | /a~1b | enum | must be one of "x", 1
{"prefixItems": [{}, {"const": "x"}]} | ["x", "hunter2"] | /1 | const | must be "x"
{"minimum": 10} | 7 | | minimum | must be at least 10
{"maximum": 5} | 7 | | maximum | must be at most 5
{"exclusiveMinimum": 7} | 7 | | exclusiveMinimum | must be more than 7
{"exclusiveMaximum": 1.5} | 7 | | exclusiveMaximum | must be less than 1.5
{"multipleOf": 5} | 7 | | multipleOf | must be a multiple of 5
{"minLength": 8} | "hunter2" | | minLength | must have at least 8 characters
{"maxLength": 1} | "hunter2" | | maxLength | must have at most 1 character
{"minItems": 2} | ["hunter2"] | | minItems | must have at least 2 elements
{"maxItems": 0} | ["hunter2"] | | maxItems | must have at most 0 elements
{"prefixItems": [true], "items": false} | [1, "hunter2"] | /1 | false | must not be there
{"minProperties": 2} | {"a": "hunter2"} | | minProperties | must have at least 2 members
{"maxProperties": 0} | {"a": "hunter2"} | | maxProperties | must have at most 0 members
{"properties": {}, "additionalProperties": false} | {"b": "hunter2"} | | additionalProperties | must not have `b`
{"properties": {}, "unevaluatedProperties": false} | {"b": "hunter2"} | | unevaluatedProperties | must not have `b`
{"pattern": "^[a-z]+$"} | "hunter2" | | pattern | must match the pattern `^[a-z]+$`
{"format": "date-time"} | "hunter2" | | format | must be a `date-time`
{"uniqueItems": true} | ["hunter2", "hunter2"] | | uniqueItems | must not have two equal elements
{"anyOf": [{"type": "null"}, {"const": 1}]} | "hunter2" | | anyOf | must fit one of the schemas of `anyOf`; it fits none
{"oneOf": [{"type": "null"}, {"const": 1}]} | "hunter2" | | oneOf | must fit exactly one of the schemas of `oneOf`; it fits none
{"oneOf": [{"type": "string"}, {"minLength": 1}]} | "hunter2" | | oneOf | must fit exactly one of the schemas of `oneOf`; it fits more
{"not": {"type": "string"}} | "hunter2" | | not | must not fit the schema of `not`
{"properties": {"a": false}} | {"a": "hunter2"} | /a | false | must not be there
{"propertyNames": {"maxLength": 1}} | {"ab": "hunter2"} | | propertyNames | each name must have at most 1 character
{"contains": {"type": "null"}} | ["hunter2"] | | contains | must have fitting elements, as `contains` says
{"dependentRequired": {"a": ["b"]}} | {"a": "hunter2"} | | required | `b` is missing"##;

#[test]
fn a_fault_names_its_place_and_what_is_expected_and_never_the_value() {
    for [schema, event, pointer, keyword, detail] in rows(FAULTS) {
        let refusal = judged(&json(schema), event).unwrap_err();
        assert_eq!(refusal.code, Code::SchemaFailed, "{schema}");
        let fault = &refusal.errors[0];
        let said = (&*fault.pointer, &*fault.keyword, &*fault.detail);
        assert_eq!(said, (pointer, keyword, detail), "{schema}");
        assert!(refusal.detail.contains(detail), "{}", refusal.detail);
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
    }
}

/// Schema, pointer, message.
const WRONG: &str = r##"[] | | a schema is an object
{"type": "objct"} | /type | "objct" is not a type of JSON Schema
{"properties": {"a": {"minLength": -1}}} | /properties/a/minLength | must be at least 0
{"properties": {"a": {"pattern": "(?=a)b"}}} | /properties/a/pattern | the pattern `(?=a)b` cannot run in linear time
{"patternProperties": {"(a)\\1": {}}} | /patternProperties/(a)\1 | the pattern `(a)\1` cannot run in linear time
{"pattern": "a{1000}{1000}{1000}"} | /pattern | `a{1000}{1000}{1000}` is not a pattern, or one that is too large
{"properties": {"a": {"$ref": "#/$defs/b"}}} | /properties/a/$ref | a `$ref` leads to `/$defs/b`, which is not there
{"properties": {"a": {"$ref": "#b"}}} | /properties/a/$ref | a `$ref` names the anchor `b`, which is not there
{"$schema": "https://example.com/mine"} | /$schema | the draft `https://example.com/mine` is not known"##;

#[test]
fn a_wrong_schema_is_told_by_its_place() {
    for [schema, pointer, message] in rows(WRONG) {
        let faults = compiled(&json(schema)).expect_err(schema);
        let said = (faults[0].pointer.as_str(), faults[0].message.as_str());
        assert_eq!(said, (pointer, message), "{schema}");
    }
}

#[test]
fn all_that_a_draft_has_against_a_schema_is_said_at_once() {
    let schema = json!({"properties": {"a": {"minLength": -1}, "b": {"required": 1}}});
    let faults = compiled(&schema).unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        places,
        ["/properties/a/minLength", "/properties/b/required"]
    );
}
