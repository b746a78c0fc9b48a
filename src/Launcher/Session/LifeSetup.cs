using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Tracing;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Session;

/// <summary>What makes one life of a Guest in Host time.</summary>
internal sealed record LifeSetup
{
    /// <summary>Bytes of RAM.</summary>
    public required uint Memory { get; init; }

    public required Func<GuestMachine, IExecutionEngine> CreateEngine { get; init; }

    /// <summary>Fills the RAM.</summary>
    public required Func<GuestRam, LoadedKernel> Load { get; init; }

    /// <summary>For the Switcher.</summary>
    public required GuestOptions Options { get; init; }

    /// <summary>Guest output.</summary>
    public required IConsoleSink Output { get; init; }

    /// <summary>Guest input; left over bytes stay for the next life.</summary>
    public required ConsoleInputQueue Input { get; init; }

    /// <summary>Hears of broken drivers.</summary>
    public required DeviceLog Log { get; init; }

    /// <summary>Ends it from outside.</summary>
    public required StopRequest Stop { get; init; }

    /// <summary>Plugs in whatever there is beside the console.</summary>
    public Action<MachineDevices>? Plug { get; init; }

    /// <summary>Lets somebody look at it.</summary>
    public required GuestMonitor Monitor { get; init; }

    /// <summary>Find out where the time goes.</summary>
    public bool Measure { get; init; }

    /// <summary>Writes down what happens; null: nobody does.</summary>
    public GuestTrace? Trace { get; init; }

    /// <summary>Asked for only if there is somebody to bury.</summary>
    public required Func<SymbolTable> Symbols { get; init; }
}
