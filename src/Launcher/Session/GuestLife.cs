using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Tracing;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Launcher.Session;

/// <summary>How one life of a Guest, from its first instruction to power-off, restart or death, came out.</summary>
/// <param name="End">The Switcher's verdict.</param>
/// <param name="ExitStatus">What it wrote to port 0xF4, if it did.</param>
/// <param name="Report">The remains of a killed one; else empty.</param>
/// <param name="Statistics">What it came to.</param>
internal sealed record LifeResult(GuestEnd End, byte? ExitStatus, string Report, RunStatistics Statistics);

/// <summary>Machine, engine, devices and Switcher put together, run to the end, and taken apart.</summary>
internal static class GuestLife
{
    /// <param name="memory">Bytes of RAM.</param>
    /// <param name="createEngine">Makes the engine for a machine.</param>
    /// <param name="load">Fills the RAM.</param>
    /// <param name="options">For the Switcher.</param>
    /// <param name="output">Guest output.</param>
    /// <param name="input">Guest input; left over bytes stay for the next life.</param>
    /// <param name="log">Hears of broken drivers.</param>
    /// <param name="stop">Ends it from outside.</param>
    /// <param name="measure">Find out where the time goes.</param>
    /// <param name="trace">Writes down what happens; null: nobody does.</param>
    /// <param name="symbols">Asked for only if there is somebody to bury.</param>
    /// <exception cref="LoadException">There is nothing to run.</exception>
    public static LifeResult Run(
        uint memory,
        Func<GuestMachine, IExecutionEngine> createEngine,
        Func<GuestRam, LoadedKernel> load,
        GuestOptions options,
        IConsoleSink output,
        ConsoleInputQueue input,
        DeviceLog log,
        StopRequest stop,
        bool measure,
        GuestTrace? trace,
        Func<SymbolTable> symbols)
    {
        using var machine = new GuestMachine(memory, new HostClock());
        trace?.Begin(machine);
        LoadedKernel kernel = load(machine.Ram);
        var devices = new MachineDevices(machine, output, input, log);
        using IExecutionEngine engine = createEngine(machine);
        using var guest = new LguestGuest(machine, engine, devices.Ports, options)
        {
            DeviceWork = devices.Console,
            TrapObserver = trace is not null && trace.Has(TraceKinds.Traps) ? trace : null,
        };
        devices.Connect(guest);
        guest.Start(kernel.Entry);
        input.Wake = guest.Knock;
        Action<string> requestStop = guest.RequestStop;
        stop.Subscribe(requestStop);
        using var watch = new LifeWatch(machine, engine, guest.Statistics, measure);
        GuestEnd end;
        try
        {
            end = guest.Run();
        }
        finally
        {
            // Nobody may knock at a guest that is being taken apart.
            stop.Unsubscribe(requestStop);
            input.Wake = null;
        }

        RunStatistics statistics = watch.Collect();
        string report = end.Kind == GuestEndKind.Killed ? KillReport.Describe(machine, end.Message, symbols()) : "";
        return new LifeResult(end, devices.Ports.ExitStatus, report, statistics);
    }
}
