//! An answer without a body is no answer: the SDK reads an empty body as an empty object, and
//! that would pass for success.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Turns a 2xx answer with an empty body into an answer that cannot be read. Every call of our
/// rooms is answered with at least `{}`.
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
        let empty = answer.body().bytes().is_some_and(<[u8]>::is_empty);
        if answer.status().is_success() && empty {
            return Err("the answer has no body".into());
        }
        Ok(())
    }
}
