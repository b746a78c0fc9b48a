using System.Text;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Silicon;

/// <summary>
/// Puts an engine through the vectors that silicon has been through. One machine a form, one place for each encoding,
/// and never a byte of code rewritten: an engine that compiles does so once for each encoding.
/// </summary>
/// <param name="engineFor">Makes the engine of a machine.</param>
/// <param name="slice">Instructions a call of <c>Run</c> is given; it is called again until something stops it.</param>
internal sealed unsafe class SiliconRunner(Func<GuestMachine, IExecutionEngine> engineFor, long slice = SiliconRunner.Budget)
{
    private const uint RamSize = 16u << 20;

    /// <summary>Far more than any vector needs: what is not done by then never will be.</summary>
    public const long Budget = 10_000;

    private const int ReportsPerForm = 3;

    /// <summary>Bits 0..21, less RF, which a fault shows in what it pushes and not in the register.</summary>
    private const uint ComparedFlags = 0x3FFFFF & ~Flag.Resume;

    /// <summary>All forms of a group, on all processors.</summary>
    public SiliconResult Run(SiliconGroup group)
    {
        SiliconFile file = SiliconRecords.Load(group.Name);
        return group.Forms.AsParallel().AsOrdered().Select(form => Run(form, file)).Aggregate(SiliconResult.Nothing, static (sum, one) => sum + one);
    }

    public SiliconResult Run(SiliconForm form, SiliconFile file)
    {
        SiliconEncoding[] encodings = form.Encodings();
        SiliconState[] inputs = OutcomePacker.Inputs(form, encodings);
        SiliconOutcome[] outcomes = file.Read(form, inputs);
        using var machine = new GuestMachine(RamSize, new StoppedClock());
        using IExecutionEngine engine = engineFor(machine);
        Lay(machine, form, encodings);

        var got = new SiliconOutcome();
        var reports = new List<string>();
        int mismatches = 0;
        int idiosyncrasies = 0;
        for (int i = 0; i < inputs.Length; i++)
        {
            SiliconEncoding encoding = encodings[form.VariantOf(i)];
            ExitReason reason = Execute(machine, engine, form, encoding, inputs[i], got);
            uint flags = ComparedFlags & ~form.Undefined(inputs[i], encoding);
            if (Agree(outcomes[i], got, flags))
            {
                idiosyncrasies += Agree(outcomes[i], got, ComparedFlags) ? 0 : 1;
                continue;
            }

            if (mismatches++ < ReportsPerForm)
            {
                reports.Add(Report(form, i, encoding, inputs[i], outcomes[i], got, flags, reason));
            }
        }

        Span<byte> page = machine.Ram.Window(form.Layout.DataPage, SiliconLayout.PageSize);
        page.Slice(SiliconLayout.WindowOffset, SiliconLayout.WindowSize).Fill(SiliconLayout.Filler);
        if (page.IndexOfAnyExcept(SiliconLayout.Filler) is >= 0 and int at)
        {
            mismatches++;
            reports.Add($"{form.Name}: a stray write at {form.Layout.DataPage + (uint)at:X8}, outside the window, where silicon wrote nothing.");
        }

        var forms = new HashSet<string>();
        if (!form.IsSequence)
        {
            forms.Add(form.OperandForm);
        }

        return new SiliconResult(forms, form.IsSequence ? 1 : 0, inputs.Length, mismatches, idiosyncrasies, reports);
    }

    private static void Lay(GuestMachine machine, SiliconForm form, SiliconEncoding[] encodings)
    {
        machine.Ram.Window(form.Layout.DataPage, SiliconLayout.PageSize).Fill(SiliconLayout.Filler);
        machine.Ram.Window(form.Layout.CodePages, SiliconLayout.CodeSize).Fill(SiliconLayout.Stopper);
        foreach (SiliconEncoding encoding in encodings)
        {
            encoding.Slot.CopyTo(machine.Ram.Window(encoding.Address, SiliconLayout.SlotSize));
        }
    }

    private ExitReason Execute(
        GuestMachine machine, IExecutionEngine engine, SiliconForm form, SiliconEncoding encoding, SiliconState input, SiliconOutcome got)
    {
        GuestCpu* cpu = machine.Cpu;
        Span<byte> window = machine.Ram.Window(form.Layout.Window, SiliconLayout.WindowSize);
        input.Window.CopyTo(window);
        for (int i = 0; i < 8; i++)
        {
            cpu->Gpr[i] = input.Gpr[i];
        }

        LazyFlags.Set(cpu, input.Eflags);
        cpu->SystemFlags = input.Eflags & ~Eflags.Arithmetic;
        cpu->Eip = encoding.Entry;
        cpu->FaultVector = -1;
        cpu->FaultErrorCode = 0;
        Segments.LoadFlatKernel(cpu);

        ExitReason reason = ExitReason.Budget;
        for (long left = Budget; left > 0 && reason == ExitReason.Budget; left -= slice)
        {
            reason = engine.Run(cpu, slice);
        }

        for (int i = 0; i < 8; i++)
        {
            got.Gpr[i] = cpu->Gpr[i];
        }

        window.CopyTo(got.Window);
        got.Eflags = LazyFlags.Read(cpu);
        got.Vector = reason is ExitReason.Fault or ExitReason.SoftwareInterrupt ? cpu->FaultVector : -1;
        got.Error = HasErrorCode(got.Vector) && reason == ExitReason.Fault ? cpu->FaultErrorCode : 0;
        if (got.Vector == Vectors.SimdFloatingPoint)
        {
            // No error code; the record has MXCSR in its place.
            got.Error = cpu->Simd.Mxcsr;
        }

        got.Stop = (int)(cpu->Eip - encoding.Address);
        return reason;
    }

    private static bool HasErrorCode(int vector) => vector is 8 or (>= 10 and <= 14) or 17;

    private static bool Agree(SiliconOutcome silicon, SiliconOutcome engine, uint flags) =>
        silicon.Vector == engine.Vector && silicon.Error == engine.Error && silicon.Stop == engine.Stop
        && ((silicon.Eflags ^ engine.Eflags) & flags) == 0
        && silicon.Gpr.AsSpan().SequenceEqual(engine.Gpr) && silicon.Window.AsSpan().SequenceEqual(engine.Window);

    private static string Report(
        SiliconForm form, int vector, SiliconEncoding encoding, SiliconState input, SiliconOutcome silicon, SiliconOutcome engine, uint flags, ExitReason reason)
    {
        string[] names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
        var text = new StringBuilder();
        text.AppendLine($"{form.Name}, vector {vector}: {Convert.ToHexString(encoding.Code)} at {encoding.Entry:X8}, window at {encoding.Window:X8}");
        text.Append("   in: ");
        for (int i = 0; i < 8; i++)
        {
            text.Append($"{names[i]}={input.Gpr[i]:X8} ");
        }

        text.AppendLine($"[{Flag.Names(input.Eflags)}]");
        if (encoding.Memory is not null)
        {
            int at = encoding.MemoryOffset;
            text.AppendLine($"       operand at window+{at:X2}: {Convert.ToHexString(input.Window.AsSpan(at, Math.Min(8, SiliconLayout.WindowSize - at)))}");
        }

        if (silicon.Vector != engine.Vector || silicon.Error != engine.Error || silicon.Stop != engine.Stop)
        {
            text.AppendLine($"       silicon ended with trap {silicon.Vector} (error {silicon.Error:X}) at entry{silicon.Stop - SiliconLayout.EntryOffset:+0;-0;+0}, "
                + $"the engine with {reason} {engine.Vector} (error {engine.Error:X}) at entry{engine.Stop - SiliconLayout.EntryOffset:+0;-0;+0}");
        }

        for (int i = 0; i < 8; i++)
        {
            if (silicon.Gpr[i] != engine.Gpr[i])
            {
                text.AppendLine($"       {names[i]}: silicon {silicon.Gpr[i]:X8}, engine {engine.Gpr[i]:X8}");
            }
        }

        if (((silicon.Eflags ^ engine.Eflags) & flags) != 0)
        {
            text.AppendLine($"       flags: silicon [{Flag.Names(silicon.Eflags & flags)}], engine [{Flag.Names(engine.Eflags & flags)}]");
        }

        for (int i = 0; i < SiliconLayout.WindowSize; i++)
        {
            if (silicon.Window[i] != engine.Window[i])
            {
                text.AppendLine($"       window+{i:X2}: was {input.Window[i]:X2}, silicon {silicon.Window[i]:X2}, engine {engine.Window[i]:X2}");
            }
        }

        return text.ToString();
    }
}
