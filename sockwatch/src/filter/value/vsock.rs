//! Vsock sockets: `CID:PORT`.

use super::Wrong;
use super::number::unsigned;
use crate::filter::error::shown;
use crate::filter::expr::HostTest;

pub(super) fn address(text: &str) -> Result<HostTest, Wrong<'_>> {
    let (cid, port) = text.split_once(':').unwrap_or((text, "*"));
    let cid = if cid.is_empty() { "*" } else { cid };
    Ok(HostTest::Vsock {
        cid: number(cid, "CID")?,
        port: number(port, "port")?,
    })
}

/// A number, or `*` for any.
fn number<'t>(text: &'t str, what: &str) -> Result<Option<u32>, Wrong<'t>> {
    if text == "*" {
        return Ok(None);
    }
    unsigned(text).map(Some).ok_or_else(|| {
        Wrong::new(text, format!("`{}` is no vsock {what}", shown(text)))
            .expected("a number up to 4294967295, or `*`")
            .hint("vsock addresses are written CID:PORT: `vsock:3:1024`")
    })
}
