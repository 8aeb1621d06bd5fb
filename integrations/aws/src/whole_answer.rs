//! An answer that is not whole is no answer. The SDK reads an empty body as an empty object, and XML
//! that ends early as far as it goes: both would pass for success.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Turns a 2xx answer with a body that is empty or ends early into one that cannot be read. Every
/// call of our rooms is answered with at least `{}`.
#[derive(Clone, Copy, Debug)]
pub struct WholeAnswer;

impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let whole = answer.body().bytes().is_none_or(is_whole);
        if answer.status().is_success() && !whole {
            return Err("the answer ends early".into());
        }
        Ok(())
    }
}

/// True for JSON that ends as an object and for XML whose root element is closed. What stands
/// between is the SDK's to read.
fn is_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    match body.first() {
        Some(b'<') => is_closed(body),
        Some(_) => body.ends_with(b"}"),
        None => false,
    }
}

fn is_closed(xml: &[u8]) -> bool {
    let Ok(mut xml) = std::str::from_utf8(xml) else {
        return false;
    };
    if let Some(prolog) = xml.strip_prefix("<?") {
        let Some((_, rest)) = prolog.split_once("?>") else {
            return false;
        };
        xml = rest.trim_start();
    }
    let root = xml.strip_prefix('<').and_then(|tag| {
        tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/')
            .next()
    });
    let before_end = xml.strip_suffix('>');
    let named = before_end
        .zip(root)
        .and_then(|(xml, root)| xml.strip_suffix(root));
    named.is_some_and(|xml| xml.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_ends_early_is_not_whole() {
        for (body, whole) in [
            ("{}", true),
            (" {\"a\":[]}\n", true),
            ("", false),
            ("  \n", false),
            ("{\"a\":[", false),
            ("<A><B/></A>", true),
            ("<?xml version=\"1.0\"?>\n<A x=\"y\"><B></B></A>\n", true),
            ("<A><B></B>", false),
            ("<A><B></B></A", false),
            ("<A", false),
            ("<", false),
            ("<?xml", false),
        ] {
            assert_eq!(is_whole(body.as_bytes()), whole, "{body}");
        }
    }
}
