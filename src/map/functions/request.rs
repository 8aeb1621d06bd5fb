//! Time and ids, which come from the request: the same event always gives the same record.

use super::{Code, Function};
use crate::map::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "now",
        signature: "now() → text",
        doc: "When the request arrived, as RFC 3339 in UTC with milliseconds: the same for all \
              events of a request.",
        example: "now()",
        result: "2026-01-02T03:04:05.678Z",
        global: &[0],
        member: &[],
        takes: &[],
        returns: Type::Text,
        code: Code::Read,
    },
    Function {
        name: "now_millis",
        signature: "now_millis() → int",
        doc: "When the request arrived, in milliseconds since 1970.",
        example: "now_millis()",
        result: "1767323045678",
        global: &[0],
        member: &[],
        takes: &[],
        returns: Type::Int,
        code: Code::Read,
    },
    Function {
        name: "uuid",
        signature: "uuid() → text",
        doc: "A random UUID (version 4 in form). It is made of the request's id, the event's place \
              in its batch and the place of this call in the route, so that each call has its own, \
              and one that is named in `let` is the same wherever it is used. Not inside a loop.",
        example: "uuid()",
        result: "UUID",
        global: &[0],
        member: &[],
        takes: &[],
        returns: Type::Text,
        code: Code::Read,
    },
];
