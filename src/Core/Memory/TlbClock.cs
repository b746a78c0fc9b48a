namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Numbers the states of soft TLBs. Whoever remembers what entries said, beyond one run of translated code, remembers the number as well:
/// while it is the same, no entry has gone or changed. (Entries that were added do no harm.)
/// </summary>
internal sealed class TlbClock
{
    private ulong _last;

    /// <summary>A number that no state has had. Never 0.</summary>
    public ulong Next() => ++_last;
}
