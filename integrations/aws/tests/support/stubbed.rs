//! What the conformance tests of the AWS rooms share.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use sluicegate_aws::Hallway;

/// As the hallway sets it for every call.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(10);

pub(crate) fn hallway() -> Arc<Hallway> {
    Hallway::with_credentials(Credentials::new("test", "test", None, None, "tests"))
}
