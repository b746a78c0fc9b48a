using System.Globalization;
using System.Text;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tracing;

/// <summary>
/// <c>--trace</c>: what engine and Switcher do, written down in the order in which it happens, with the Guest's own names. A record is
/// a line, or a line and what is indented below it.
/// </summary>
internal sealed unsafe class GuestTrace : IBlockObserver, ICompileObserver, ITrapObserver
{
    private readonly TraceKinds _kinds;
    private readonly TraceFile _file;
    private readonly AddressFilter _filter;
    private readonly SymbolTable _symbols;

    // One set for each of the two threads that write.
    private readonly GuestDisassembly _guest;
    private readonly GuestDisassembly _compiler;
    private readonly StringBuilder _record = new();
    private GuestMachine? _machine;

    /// <param name="kinds">What to write.</param>
    /// <param name="file">Where to.</param>
    /// <param name="filter">What happens elsewhere is not written.</param>
    /// <param name="symbols">Names; may be empty.</param>
    public GuestTrace(TraceKinds kinds, TraceFile file, AddressFilter filter, SymbolTable symbols)
    {
        _kinds = kinds;
        _file = file;
        _filter = filter;
        _symbols = symbols;
        _guest = new GuestDisassembly(Name);
        _compiler = new GuestDisassembly(Name);
    }

    /// <summary>Is this kind wanted?</summary>
    public bool Has(TraceKinds kind) => (_kinds & kind) != 0;

    /// <summary>A Guest begins to live on this machine.</summary>
    public void Begin(GuestMachine machine) => _machine = machine;

    /// <inheritdoc/>
    public void Decoded(GuestBlock* block, ReadOnlySpan<Instruction> code)
    {
        if (!_file.IsOpen || !_filter.Overlaps(block->Eip, Math.Max(block->ByteLength, (ushort)1)))
        {
            return;
        }

        Line($"block {_guest.Place(block->Eip)}: physical {block->Physical:x8}, {block->Count} instructions, {block->ByteLength} bytes");
        foreach (ref readonly Instruction instruction in code)
        {
            Line($"  {instruction.IP32:x8}  {_guest.Format(instruction)}");
        }

        End();
    }

    /// <inheritdoc/>
    public bool WantsIl(RegionPlan plan) => _file.IsOpen && Has(TraceKinds.Il | TraceKinds.Asm) && Concerns(plan);

    /// <inheritdoc/>
    public void Compiled(CompiledRegion region, IlRecorder? il)
    {
        if (il == null)
        {
            return;
        }

        // Whole listings: on this thread, so that the Guest does not wait, and in a text of its own.
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        string place = _compiler.Place(region.Plan.Blocks[0].Eip);
        if (Has(TraceKinds.Il))
        {
            text.WriteLine($"il {place}: {region.Plan.Blocks.Count} blocks, {region.Plan.Blocks.Sum(static b => b.Count)} instructions, {region.IlBytes} bytes of IL");
            IlListing.Write(text, region, il, _compiler);
        }

        if (Has(TraceKinds.Asm) && MachineCode.IsSupported)
        {
            MachineCode code = MachineCode.Find(region.EntryPoint);
            text.WriteLine($"asm {place}: {code.Length} bytes at 0x{code.Start:x}");
            MachineCodeListing.Write(text, region, code, IlListing.Methods(il));
        }

        _file.Write(text.GetStringBuilder());
    }

    /// <summary>A region was left.</summary>
    public void Left(uint region, LeaveReason reason, uint eip)
    {
        if (_file.IsOpen && (_filter.Contains(region) || _filter.Contains(eip)))
        {
            Line($"exit {_guest.Place(region)} -> {_guest.Place(eip)}: {LeaveNames.Of(reason)}");
            End();
        }
    }

    /// <inheritdoc/>
    public void Delivered(in TrapRecord trap)
    {
        if (_file.IsOpen && (_filter.Contains(trap.From) || _filter.Contains(trap.To)))
        {
            string what = trap.IsInterrupt ? $"interrupt {trap.Vector}" : $"trap {TrapNames.Of(trap.Vector)}";
            string error = trap.ErrorCode is { } code ? $", error 0x{code:x}" : "";
            string address = trap.Address is { } at ? $", address {_guest.Place(at)}" : "";
            Line($"{what}{error}{address}: {_guest.Place(trap.From)} ring {trap.FromRing} -> {_guest.Place(trap.To)}");
            End();
        }
    }

    private bool Concerns(RegionPlan plan) => plan.Blocks.Any(b => _filter.Overlaps(b.Eip, (uint)Math.Max(b.Code.Length, 1)));

    /// <summary>Before paging the kernel runs below its link address.</summary>
    private string Name(uint address) => _machine is { Mmu.Paging: true } ? _symbols.Describe(address) : _symbols.DescribePhysical(address);

    private void Line(FormattableString text) => _record.AppendLine(text.ToString(CultureInfo.InvariantCulture));

    private void End()
    {
        _file.Write(_record);
        _record.Clear();
    }
}
