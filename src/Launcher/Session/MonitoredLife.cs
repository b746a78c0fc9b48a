using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.Console;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Session;

/// <summary>One life of a Guest as the monitor sees it.</summary>
/// <param name="machine">Its machine.</param>
/// <param name="engine">What executes it.</param>
/// <param name="devices">What is plugged in.</param>
/// <param name="watch">What it has come to.</param>
/// <param name="symbols">Names for addresses.</param>
/// <param name="knock">Gets its thread's attention.</param>
internal sealed class MonitoredLife(
    GuestMachine machine, IExecutionEngine engine, MachineDevices devices, LifeWatch watch, Func<SymbolTable> symbols, Action knock) : IMonitorTarget
{
    /// <inheritdoc/>
    public void Knock() => knock();

    /// <inheritdoc/>
    public void WriteStatistics(TextWriter writer) => StatisticsReport.Write(writer, watch.Collect());

    /// <inheritdoc/>
    public void WriteState(TextWriter writer) => KillReport.WriteState(writer, machine, symbols());

    /// <inheritdoc/>
    public void WriteMachine(TextWriter writer)
    {
        writer.WriteLine($"  memory  {MemorySize.Describe(machine.Ram.Size)}");
        string translated = engine is TieredEngine tiered && tiered.Statistics() is { } t
            ? $"jit: {t.RegionsLive} regions in use, {t.CodeCacheBytes >> 10} of {t.CodeCacheCapacity >> 10} KiB, {t.BlocksWaiting} hot blocks wait, {t.BlocksDecoded} blocks decoded"
            : "interpreter";
        writer.WriteLine($"  engine  {translated}");
        foreach (VirtioDevice device in devices.All)
        {
            writer.WriteLine($"  slot {device.Irq,2}  {device.Name}: {Describe(device.Status)}{device.Details}");
        }
    }

    private static string Describe(VirtioStatus status) =>
        (status & VirtioStatus.NeedsReset) != 0 ? "its driver broke the rules"
        : (status & VirtioStatus.Failed) != 0 ? "its driver gave up"
        : (status & VirtioStatus.DriverOk) != 0 ? "in use"
        : "no driver";
}
