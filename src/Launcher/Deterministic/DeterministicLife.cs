using System.Diagnostics;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Launcher.Session;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>One life in deterministic time, from the first instruction to the end, recorded if that is wanted.</summary>
internal static class DeterministicLife
{
    /// <param name="setup">What is to live.</param>
    /// <param name="recorder">Gets a checkpoint now and then; or null.</param>
    /// <param name="stop">Ends it from outside.</param>
    /// <param name="symbols">Asked for only if there is somebody to bury.</param>
    /// <param name="say">Gets the line with the hash.</param>
    /// <exception cref="LoadException">There is nothing to run.</exception>
    public static LifeResult Run(DeterministicSetup setup, Recorder? recorder, StopRequest stop, Func<SymbolTable> symbols, Action<string> say)
    {
        using var guest = new DeterministicGuest(setup with { Tracked = recorder is not null });
        Action<string> requestStop = guest.Guest.RequestStop;
        stop.Subscribe(requestStop);
        long started = Stopwatch.GetTimestamp();
        try
        {
            if (recorder is null)
            {
                _ = guest.RunUntil(long.MaxValue);
            }
            else
            {
                recorder.Add(guest);
                while (guest.RunUntil(guest.Instructions + recorder.Every) is null)
                {
                    recorder.Add(guest);
                }

                recorder.Add(guest);
            }
        }
        finally
        {
            stop.Unsubscribe(requestStop);
        }

        GuestEnd end = guest.End!;
        TimeSpan wallTime = Stopwatch.GetElapsedTime(started);
        say($"deterministic: {guest.Instructions} instructions, hash {guest.Digest()}");
        string report = end.Kind == GuestEndKind.Killed ? KillReport.Describe(guest.Machine, end.Message, symbols()) : "";
        var statistics = new RunStatistics(guest.Guest.Statistics, guest.Instructions, guest.Machine.Mmu.Fills, wallTime);
        return new LifeResult(end, guest.Devices.Ports.ExitStatus, report, statistics);
    }
}
