using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Tracing;
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
    /// <exception cref="LoadException">There is nothing to run.</exception>
    public static LifeResult Run(LifeSetup setup)
    {
        using var machine = new GuestMachine(setup.Memory, new HostClock());
        GuestTrace? trace = setup.Trace;
        trace?.Begin(machine);
        LoadedKernel kernel = setup.Load(machine.Ram);
        using var devices = new MachineDevices(machine, setup.Output, setup.Input, setup.Log, setup.Plug);
        using IExecutionEngine engine = setup.CreateEngine(machine);
        using var guest = new LguestGuest(machine, engine, devices.Ports, setup.Options)
        {
            DeviceWork = new GuestThreadWorks(devices, setup.Monitor),
            TrapObserver = trace is not null && trace.Has(TraceKinds.Traps) ? trace : null,
        };
        devices.Connect(guest, guest.Knock);
        guest.Start(kernel.Entry);
        setup.Input.Wake = guest.Knock;
        Action<string> requestStop = guest.RequestStop;
        setup.Stop.Subscribe(requestStop);
        using var watch = new LifeWatch(machine, engine, guest.Statistics, setup.Measure);
        setup.Monitor.Attach(new MonitoredLife(machine, engine, devices, watch, setup.Symbols, guest.Knock));
        GuestEnd end;
        try
        {
            end = guest.Run();
        }
        finally
        {
            // Nobody may knock at a guest that is being taken apart; and what is still on its way to or from a disk ends here.
            devices.Dispose();
            setup.Monitor.Detach();
            setup.Stop.Unsubscribe(requestStop);
            setup.Input.Wake = null;
        }

        RunStatistics statistics = watch.Collect();
        string report = end.Kind == GuestEndKind.Killed ? KillReport.Describe(machine, end.Message, setup.Symbols()) : "";
        return new LifeResult(end, devices.Ports.ExitStatus, report, statistics);
    }
}
