using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Guests.Timing;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>How late its timer interrupts a Guest that goes in circles, from the due time to the Guest's handler, by the Guest's clock.</summary>
internal static class SafepointCommand
{
    private const double Microsecond = 1000;

    /// <returns>0, or 1 if a Guest was not interrupted as often as it should have been.</returns>
    public static int Run(int times, uint microseconds, bool interpreter)
    {
        Console.WriteLine($"{"loop",-22} {"times",7} {"median µs",10} {"p99 µs",10} {"p99.9 µs",10} {"most µs",10}");
        bool right = true;

        // One that does not count: the first hundred milliseconds of a process are .NET's, which compiles itself on both cores.
        _ = new TimerGuest(EndlessLoop.All[0], times, microseconds * (uint)Microsecond).Run(Engine);
        foreach (EndlessLoop loop in EndlessLoop.All)
        {
            var guest = new TimerGuest(loop, times, microseconds * (uint)Microsecond);
            (GuestEnd end, uint[] late) = guest.Run(Engine);
            Array.Sort(late);
            bool complete = end.Kind == GuestEndKind.PoweredOff && late.Length == times;
            right &= complete;
            string verdict = complete ? "" : $"  {end.Kind} {end.Message}";
            Console.WriteLine($"{loop.Name,-22} {late.Length,7:N0} {At(0.5),10:F1} {At(0.99),10:F1} {At(0.999),10:F1} {At(1),10:F1}{verdict}");

            double At(double share) => late.Length == 0 ? double.NaN : late[Math.Min(late.Length - 1, (int)(share * late.Length))] / Microsecond;
        }

        return right ? 0 : 1;

        IExecutionEngine Engine(GuestMachine machine) => interpreter ? new InterpreterEngine(machine) : new TieredEngine(machine);
    }
}
