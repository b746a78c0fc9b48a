using System.Diagnostics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Guests.Traps;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf;

/// <summary>The same system calls on both engines and by both paths: whatever the Guest can see of them has to be the same.</summary>
internal static class SyscallsCommand
{
    /// <returns>0, or 1 if one of the four runs came to something else.</returns>
    public static int Run(uint calls)
    {
        SyscallOutcome? first = null;
        bool right = true;
        Console.WriteLine($"{"engine",-12} {"traps",-9} {"system calls",13} {"instructions",15} {"interrupts",11} {"seconds",8}  registers and memory");
        foreach ((string name, Func<GuestMachine, IExecutionEngine> engine) in new (string, Func<GuestMachine, IExecutionEngine>)[]
        {
            ("interpreter", static machine => new InterpreterEngine(machine)),
            ("jit", static machine => new TieredEngine(machine)),
        })
        {
            foreach (bool direct in new[] { false, true })
            {
                long started = Stopwatch.GetTimestamp();
                SyscallOutcome outcome = new SyscallGuest(calls).Run(engine, direct);
                double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                first ??= outcome;
                bool same = first.IsAs(outcome) && outcome.Traps[Vectors.Syscall] == calls;
                right &= same;
                Console.WriteLine(
                    $"{name,-12} {(direct ? "direct" : "switcher"),-9} {outcome.Traps[Vectors.Syscall],13:N0} {outcome.Instructions,15:N0} {outcome.Interrupts,11:N0} {seconds,8:F2}  {outcome.Registers:x16} {outcome.Memory:x16}{(same ? "" : "  DIFFERENT")}");
            }
        }

        return right ? 0 : 1;
    }
}
