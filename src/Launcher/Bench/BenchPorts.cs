using System.Diagnostics;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>A stopwatch that the Guest starts and stops by writing letters to a port.</summary>
internal sealed class BenchPorts(GuestMachine machine) : IPortIo
{
    private long _startedAt;
    private long _retiredAtStart;

    /// <summary>What the rounds took, in order.</summary>
    public List<BenchRound> Rounds { get; } = [];

    public uint In(ushort port, int size) => uint.MaxValue;

    public void Out(ushort port, int size, uint value)
    {
        if (port != BenchLayout.MarkPort)
        {
            return;
        }

        switch ((byte)value)
        {
            case BenchLayout.MarkBegin:
                _retiredAtStart = machine.Retired;
                _startedAt = Stopwatch.GetTimestamp();
                break;
            case BenchLayout.MarkEnd:
                Rounds.Add(new BenchRound(Stopwatch.GetElapsedTime(_startedAt).TotalNanoseconds, machine.Retired - _retiredAtStart));
                break;
        }
    }
}

/// <summary>One time between a pair of letters.</summary>
/// <param name="Nanoseconds">By the Host's clock.</param>
/// <param name="Instructions">Completed by the Guest.</param>
internal readonly record struct BenchRound(double Nanoseconds, long Instructions);
