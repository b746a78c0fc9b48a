using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Time that stands still unless a test moves it.</summary>
internal sealed class FixedClock : IGuestClock
{
    public const long Start = 1_234_567_890_000_000_123;

    public long WallClock { get; set; } = Start;

    public uint TscKhz => 777;

    public ulong ReadTsc(long retired) => (ulong)retired;

    public long WallClockNanoseconds(long retired) => WallClock;
}
