//! What an event lacks, named for who sent it.

use serde_json::json;

use super::*;

/// The field, its expression, and the answer.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "text",
        "${event.user_id}",
        "field_missing: event.user_id is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.deep.q.?r}",
        "field_missing: event.deep.q is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.name.first}",
        "field_missing: event.name.first is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.items[9].n}",
        "field_missing: event.items[9].n is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event['a-b']}",
        "field_missing: event[\"a-b\"] is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.user_id + 'x'}",
        "field_missing: event.user_id is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${has(event.nope.x) ? 'a' : 'b'}",
        "field_missing: event.nope is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${query.nope}",
        "field_missing: query.nope is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${request.headers.nope}",
        "field_missing: request.headers.nope is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.items.map(i, i.t)[0]}",
        "field_missing: the field `t` of a value is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.tags[event.count]}",
        "field_missing: an element of a list is missing: `clicks` needs it for text",
    ),
    (
        "text",
        "${event.deep}",
        "mapping_failed: `clicks` cannot set text from ${event.deep}: text is needed, and it is an object",
    ),
    (
        "text",
        "${event.deep.x.y}",
        "mapping_failed: `clicks` cannot set text from ${event.deep.x.y}: text is needed, and it is null",
    ),
    (
        "text",
        "${event.?tags}",
        "mapping_failed: `clicks` cannot set text from ${event.?tags}: text is needed, and it is an array",
    ),
    (
        "text",
        "a ${event.deep}",
        "mapping_failed: `clicks` cannot set text from ${event.deep}: an object cannot stand inside of a text",
    ),
    (
        "text",
        "${event.name.replace('', '1234567890')}",
        "mapping_failed: `clicks` cannot set text from ${event.name.replace('', '1234567890')}: it has 43 characters, and must have 1 to 40",
    ),
    (
        "text",
        "${event.name + event.count}",
        "mapping_failed: `clicks` cannot set text from ${event.name + event.count}: `+` cannot be done with string and int",
    ),
    (
        "text",
        "${string(1 / (event.count - 3))}",
        "mapping_failed: `clicks` cannot set text from ${string(1 / (event.count - 3))}: a division by zero",
    ),
    (
        "text",
        "${event.tags + event.deep}",
        "mapping_failed: `clicks` cannot set text from ${event.tags + event.deep}: `+` cannot be done with list and map",
    ),
    (
        "text",
        "${event.name * 2}",
        "mapping_failed: `clicks` cannot set text from ${event.name * 2}: `*` cannot be done with string and int",
    ),
    (
        "text",
        "${event.count ? 'a' : 'b'}",
        "mapping_failed: `clicks` cannot set text from ${event.count ? 'a' : 'b'}: a boolean is needed, not int",
    ),
    (
        "text",
        "${event.count.lower()}",
        "mapping_failed: `clicks` cannot set text from ${event.count.lower()}: lower: text is needed, not int",
    ),
    (
        "text",
        "${int(event.name)}",
        "mapping_failed: `clicks` cannot set text from ${int(event.name)}: `int` cannot use its value",
    ),
    (
        "text",
        "${base64_decode(event.name)}",
        "mapping_failed: `clicks` cannot set text from ${base64_decode(event.name)}: base64_decode: the text is not base64",
    ),
    (
        "text",
        "${query.bad}",
        "mapping_failed: `clicks` cannot set text from ${query.bad}: the query parameter is not UTF-8",
    ),
    (
        "text",
        "${request.headers[\"x-bad\"]}",
        "mapping_failed: `clicks` cannot set text from ${request.headers[\"x-bad\"]}: the header is not UTF-8",
    ),
    (
        "number",
        "${event.name}",
        "mapping_failed: `clicks` cannot set number from ${event.name}: a whole number of 64 bits is needed, and it is text",
    ),
    (
        "number",
        "${event.total}",
        "mapping_failed: `clicks` cannot set number from ${event.total}: a whole number of 64 bits is needed, and it is a number",
    ),
    (
        "number",
        "${event.count + 8}",
        "mapping_failed: `clicks` cannot set number from ${event.count + 8}: it must be from 0 to 10",
    ),
    (
        "put",
        "${event.name}",
        "mapping_failed: `clicks` cannot set put from ${event.name}: it is not an object",
    ),
];

#[test]
fn what_an_event_lacks_is_named() {
    for (name, expression, expected) in REFUSED {
        let given = gives(name, &json!(expression), EVENT);
        assert_eq!(given, *expected, "{expression}");
    }
}
