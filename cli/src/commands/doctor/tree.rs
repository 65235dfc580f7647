//! An SPF record as a tree of lines.

use mailwright_engine::domain_dns::spf::{SpfComponent, SpfInspection};

/// The record of `inspection` and what its terms lead to, one term a line:
///
/// ```text
/// v=spf1 include:_spf.mail.example ~all
/// ├─ include:_spf.mail.example  2 look-ups
/// │  ├─ a:out.mail.example  192.0.2.7
/// │  └─ -all
/// └─ ~all
/// ```
pub(super) fn lines(inspection: &SpfInspection) -> Vec<String> {
    let mut out = vec![inspection.record.clone()];
    add(inspection, "", &mut out);
    out
}

fn add(inspection: &SpfInspection, indent: &str, out: &mut Vec<String>) {
    let last = inspection.components.len().saturating_sub(1);
    for (index, component) in inspection.components.iter().enumerate() {
        let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        out.push(format!("{indent}{branch}{}", line(component)));
        if let Some(inner) = &component.inspection {
            add(inner, &format!("{indent}{below}"), out);
        }
    }
}

fn line(component: &SpfComponent) -> String {
    let mut line = component.text.clone();
    if !component.addresses.is_empty() {
        let addresses: Vec<_> = component.addresses.iter().map(ToString::to_string).collect();
        line.push_str(&format!("  {}", addresses.join(" ")));
    }
    match component.lookups {
        0 => {}
        1 => line.push_str("  1 look-up"),
        many => line.push_str(&format!("  {many} look-ups")),
    }
    if component.ignored {
        line.push_str("  never looked at");
    }
    line
}
