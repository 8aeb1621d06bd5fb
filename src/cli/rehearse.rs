//! Stand-in for `gateway::rehearse` until that has landed: nothing is routed.

use std::collections::BTreeMap;
use std::time::SystemTime;

use sluicegate_contract::{Outcome, Record};

use crate::settings::Settings;

pub(super) type Given = BTreeMap<String, Outcome>;

#[derive(Debug)]
pub(super) struct RehearsalRequest {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) time: SystemTime,
    pub(super) id: u128,
}

#[derive(Debug)]
pub(super) struct RehearsedRecord {
    pub(super) event: usize,
    pub(super) binding: usize,
    pub(super) record: Record,
}

#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    pub(super) records: Vec<RehearsedRecord>,
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) route: Option<usize>,
}

pub(super) fn rehearse(
    settings: &Settings,
    request: &RehearsalRequest,
    given: &Given,
) -> Rehearsal {
    let _ = (settings, request, given);
    let _ = (
        &request.method,
        &request.target,
        &request.headers,
        &request.body,
        request.time,
        request.id,
    );
    Rehearsal::default()
}
