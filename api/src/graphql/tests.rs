//! The schema itself; what it answers is tested against the binary.

use super::*;

#[test]
fn there_is_a_schema_with_the_types_of_the_service() {
    let schema = SCHEMA.as_ref().unwrap().sdl();
    for part in [
        "input ZoneEmailSendingAdaptiveGroupsFilter_InputObject {",
        "input AccountEmailRoutingAdaptiveFilter_InputObject {",
        "enum ZoneEmailSendingAdaptiveGroupsOrderBy {",
        "scalar uint8",
        "\tdate_geq: Date\n",
        "\tdatetimeHour_leq: Time\n",
        "\tstatus_in: [string!]\n",
        "\tdatetimeFifteenMinutes_DESC\n",
        "\tisNDR: uint8!\n",
        "\tcount: uint64!\n",
        "\tzones(",
    ] {
        assert!(schema.contains(part), "no {part:?} in\n{schema}");
    }
}
