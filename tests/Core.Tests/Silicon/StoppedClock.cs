using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>No vector looks at the time.</summary>
internal sealed class StoppedClock : IGuestClock
{
    public uint TscKhz => 1_000_000;

    public ulong ReadTsc(long retired) => 0;

    public long WallClockNanoseconds(long retired) => 0;
}
