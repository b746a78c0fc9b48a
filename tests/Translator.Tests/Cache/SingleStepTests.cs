using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>EFLAGS.TF on both engines, over code that has been translated before.</summary>
public sealed unsafe class SingleStepTests
{
    /// <summary>mov ax, ss; mov ss, ax; nop; mov ss, ax; mov ss, ax; push ss; pop ss; nop; mov ds, ax; nop.</summary>
    private const string Loads = "8CD0" + "8ED0" + "90" + "8ED0" + "8ED0" + "90" + "16" + "17" + "90" + "8ED8" + "90" + "CC";

    [Fact]
    public void A_load_of_the_stack_segment_is_stepped_over_together_with_the_next_instruction()
    {
        foreach (Func<GuestMachine, IExecutionEngine> engine in Engines())
        {
            using var rig = new Rig(engine);
            rig.Write(Rig.Code, Convert.FromHexString(Loads));
            _ = rig.Run();
            rig.Begin(Rig.Code);
            rig.Cpu->SystemFlags |= Eflags.Trap;
            var stops = new List<uint>();
            while (rig.Run() == ExitReason.SingleStep)
            {
                stops.Add(rig.Cpu->Eip - Rig.Code);
            }

            // Not behind the first load of SS (4), but behind the second of two (9); DS is nothing special.
            Assert.Equal([2u, 5, 9, 10, 11, 13, 15, 16], stops);
        }
    }

    [Fact]
    public void Each_step_is_one_instruction_though_the_jump_cache_leads_into_translated_code()
    {
        // call +1; (inc edx;) ret: first at full speed, until it is all translated; then in steps.
        byte[] code = Convert.FromHexString("B90A000000" + "E804000000" + "E2F9" + "CC" + "CC" + "42" + "C3");
        foreach (Func<GuestMachine, IExecutionEngine> engine in Engines())
        {
            using var rig = new Rig(engine);
            rig.Write(Rig.Code, code);
            for (int i = 0; i < 5; i++)
            {
                rig.Begin(Rig.Code);
                Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
            }

            rig.Begin(Rig.Code);
            rig.Cpu->SystemFlags |= Eflags.Trap;
            int steps = 0;
            long before = rig.Machine.Retired;
            while (rig.Run() == ExitReason.SingleStep)
            {
                Assert.Equal(++steps, rig.Machine.Retired - before);
            }

            // MOV, and ten times CALL, INC, RET and LOOP.
            Assert.Equal(41, steps);
            Assert.Equal(10u, rig.Cpu->Gpr[Reg.Edx]);
        }
    }

    private static IEnumerable<Func<GuestMachine, IExecutionEngine>> Engines() =>
    [
        static machine => new InterpreterEngine(machine),
        static machine => new InterpreterEngine(machine, blockLimit: 1),
        static machine => new TieredEngine(machine, threshold: 0),
        static machine => new TieredEngine(machine, threshold: 3),
    ];
}
