using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Core.Tests.Machine;

/// <summary>For machines on which nothing asks for the time.</summary>
internal sealed class NoClock : IGuestClock
{
    public uint TscKhz => 1;

    public ulong ReadTsc(long retired) => 0;

    public long WallClockNanoseconds(long retired) => 0;
}
