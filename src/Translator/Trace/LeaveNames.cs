namespace Lguest.Jit.Translator.Trace;

/// <summary><see cref="LeaveReason"/> for people.</summary>
internal static class LeaveNames
{
    public static string Of(LeaveReason reason) => reason switch
    {
        LeaveReason.Region => "to another region",
        LeaveReason.InterpretedBlock => "to an interpreted block",
        LeaveReason.LinkNotFound => "link not filled",
        LeaveReason.IndirectNotFound => "indirect branch not found",
        LeaveReason.Miss => "miss",
        LeaveReason.Budget => "budget",
        LeaveReason.Safepoint => "safepoint",
        LeaveReason.Fault => "fault in a helper",
        LeaveReason.SoftwareInterrupt => "software interrupt",
        LeaveReason.NoirqIret => "noirq iret",
        LeaveReason.DeviceAccess => "device access",
        LeaveReason.Invalidated => "invalidated",
        LeaveReason.Kill => "kill",
        _ => "other",
    };
}
