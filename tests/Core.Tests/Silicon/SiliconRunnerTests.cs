using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Silicon.Forms;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>Who judges the judge: an engine that gets one thing wrong must be found out, every time.</summary>
public unsafe class SiliconRunnerTests
{
    [Theory]
    [InlineData("a register")]
    [InlineData("a flag")]
    [InlineData("the direction flag")]
    [InlineData("a byte of the window")]
    [InlineData("eip")]
    [InlineData("the vector")]
    public void A_wrong_engine_is_found_out_at_every_vector(string wrong)
    {
        SiliconForm form = SiliconGroups.All[0].Forms.Single(static form => form.Name == "ADD r/m32, r32 [mem]");
        SiliconResult result = new SiliconRunner(machine => new WrongEngine(machine, wrong)).Run(form, SiliconRecords.Load("alu"));
        Assert.Equal(form.Count, result.Mismatches);
        Assert.Contains("silicon", result.Reports[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_stray_write_is_found_out()
    {
        SiliconForm form = SiliconGroups.All[0].Forms.Single(static form => form.Name == "ADD r/m32, r32 [mem]");
        SiliconResult result = new SiliconRunner(static machine => new WrongEngine(machine, "a byte elsewhere")).Run(form, SiliconRecords.Load("alu"));
        Assert.Equal(1, result.Mismatches);
    }

    [Fact]
    public void A_wrong_error_code_is_found_out()
    {
        SiliconForm form = SiliconGroups.All.Single(static group => group.Name == "system").Forms.Single(static form => form.Name == "CLI [not at ring 0]");
        SiliconResult result = new SiliconRunner(static machine => new WrongEngine(machine, "the error code")).Run(form, SiliconRecords.Load("system"));
        Assert.Equal(form.Count, result.Mismatches);
    }

    [Fact]
    public void A_wrong_undefined_flag_is_not_held_against_an_engine_but_counted()
    {
        SiliconForm form = SiliconGroups.All.Single(static group => group.Name == "multiply").Forms.Single(static form => form.Name == "MUL r/m32 [reg]");
        SiliconResult result = new SiliconRunner(static machine => new WrongEngine(machine, "the adjust flag")).Run(form, SiliconRecords.Load("multiply"));
        Assert.Equal(0, result.Mismatches);
        Assert.Equal(form.Count, result.Idiosyncrasies);
    }

    /// <summary>The interpreter, with one lie on its lips.</summary>
    private sealed class WrongEngine(GuestMachine machine, string wrong) : IExecutionEngine
    {
        private readonly InterpreterEngine _honest = new(machine);

        public ExitReason Run(GuestCpu* cpu, long budget)
        {
            ExitReason reason = _honest.Run(cpu, budget);
            switch (wrong)
            {
                case "a register":
                    cpu->Gpr[Reg.Edi] ^= 0x80000000;
                    break;
                case "a flag":
                    LazyFlags.SetCarry(cpu, !LazyFlags.Carry(cpu));
                    break;
                case "the adjust flag":
                    LazyFlags.Merge(cpu, Eflags.Adjust, ~LazyFlags.Materialise(cpu));
                    break;
                case "the direction flag":
                    cpu->SystemFlags ^= Eflags.Direction;
                    break;
                case "a byte of the window":
                    machine.Ram.Base[SiliconLayout.High.Window + 255] ^= 1;
                    break;
                case "a byte elsewhere":
                    machine.Ram.Base[SiliconLayout.High.DataPage + 1] = 0;
                    break;
                case "eip":
                    cpu->Eip++;
                    break;
                case "the vector":
                    cpu->FaultVector = Vectors.Overflow;
                    break;
                default:
                    cpu->FaultErrorCode = 8;
                    break;
            }

            return reason;
        }

        public void Dispose() => _honest.Dispose();
    }
}
