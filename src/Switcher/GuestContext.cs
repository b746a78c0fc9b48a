using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Switcher;

/// <summary>
/// What all parts of the Switcher share: lguest's <c>struct lguest</c> and <c>struct lg_cpu</c> (drivers/lguest/lg.h), less
/// what stands in <see cref="GuestCpu"/>. Touched by the Guest thread only.
/// </summary>
internal sealed unsafe class GuestContext(GuestMachine machine, GuestOptions options)
{
    public GuestMachine Machine { get; } = machine;

    public GuestOptions Options { get; } = options;

    public LguestData Data { get; } = new(machine);

    public SwitcherStatistics Statistics { get; } = new();

    /// <summary>Set if the Guest lives in deterministic time, which its machine's clock says; else null.</summary>
    public DeterministicPace? Pace { get; } = machine.Clock is DeterministicClock clock ? new DeterministicPace(machine.Cpu, clock) : null;

    /// <summary>The one virtual CPU. Never moves while the machine lives.</summary>
    public GuestCpu* Cpu => Machine.Cpu;

    /// <summary>A SHUTDOWN that is no crash.</summary>
    public GuestEnd? ShutDown { get; private set; }

    /// <summary>Neither killed nor shut down.</summary>
    public bool IsAlive => Machine.KillReason == null && ShutDown == null;

    /// <summary>How the Guest ended of itself; null while it lives.</summary>
    public GuestEnd? End => ShutDown ?? (Machine.KillReason is { } reason ? new GuestEnd(GuestEndKind.Killed, reason) : null);

    /// <summary>What a snapshot has to keep beside the machine.</summary>
    public void ExchangeState(StateArchive archive)
    {
        int kind = archive.Value(ShutDown is { } end ? (int)end.Kind : -1);
        string? message = archive.Text(ShutDown?.Message);
        ShutDown = kind < 0 ? null : new GuestEnd((GuestEndKind)kind, message!);
        Data.ExchangeState(archive);
        Pace?.ExchangeState(archive);
    }

    /// <summary>kill_guest: only the first reason is kept; the Guest never runs again.</summary>
    public void Kill(string reason) => Machine.Kill(reason);

    /// <summary>The other way to go: SHUTDOWN with an orderly power-off, or with LGUEST_SHUTDOWN_RESTART.</summary>
    public void Finish(GuestEndKind kind, string message) => ShutDown = new GuestEnd(kind, message);

    /// <summary>
    /// lguest_arch_run_guest's last word: a trap that could not be delivered. Early in a boot it is often the first sign that
    /// the wrong kernel was given to us, so say that too when it is.
    /// </summary>
    /// <param name="vector">The trap.</param>
    /// <param name="detail">The faulting address of a page fault, else the error code.</param>
    /// <param name="why">What the caller knows about it.</param>
    public void KillUnhandledTrap(int vector, uint detail, string? why = null)
    {
        string reason = $"unhandled trap {vector} at {Hex(Cpu->Eip)} ({Hex(detail)})";
        why ??= KernelDiagnosis.Explain(this, vector);
        Kill(why != null ? $"{reason}: {why}" : reason);
    }

    /// <summary>C's <c>%#lx</c>, in which nought is "0" and not "0x0".</summary>
    public static string Hex(uint value) => value == 0 ? "0" : $"0x{value:x}";
}
