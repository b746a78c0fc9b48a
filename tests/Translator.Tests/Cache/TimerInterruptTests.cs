using System.Globalization;
using Lguest.Jit.Guests.Timing;
using Lguest.Jit.Switcher;
using Xunit.Abstractions;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>A Guest that goes in circles, however it does, is interrupted by its timer while translated code runs it.</summary>
public sealed class TimerInterruptTests(ITestOutputHelper output)
{
    private const int Times = 20;
    private const uint Delta = 300_000;

    public static TheoryData<string> Loops => [.. EndlessLoop.All.Select(static loop => loop.Name)];

    [Theory]
    [MemberData(nameof(Loops))]
    public void An_endless_loop_is_interrupted_by_its_timer(string name)
    {
        EndlessLoop loop = EndlessLoop.All.Single(one => one.Name == name);
        foreach (uint threshold in new uint[] { 0, 20 })
        {
            long installed = 0;
            (GuestEnd end, uint[] late) = new TimerGuest(loop, Times, Delta).Run(
                machine => new TieredEngine(machine, threshold),
                engine => installed = ((TieredEngine)engine).Regions.Installed);
            Assert.Equal(GuestEndKind.PoweredOff, end.Kind);
            Assert.Equal(Times, late.Length);
            if (threshold == 0)
            {
                Assert.True(installed > 0);
            }

            // How late depends on who else runs here: said, not asserted. "perf safepoint" is for that.
            Array.Sort(late);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}, threshold {threshold}: median {late[Times / 2] / 1000} µs, most {late[^1] / 1000} µs"));

            // Never too early, which is late by a bit less than all that 32 bits hold: the Guest's clock and its timer are the same one.
            Assert.All(late, static nanoseconds => Assert.InRange(nanoseconds, 0u, uint.MaxValue - Delta));
        }
    }
}
