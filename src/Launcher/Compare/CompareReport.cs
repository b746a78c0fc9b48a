using System.Globalization;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>The report for people: one text that says what differs, where, and how to see it again.</summary>
internal sealed class CompareReport(TextWriter writer, CompareOutcome outcome, SymbolTable symbols)
{
    private const int NameWidth = 20;
    private const int ValueWidth = 62;

    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        writer.WriteLine($"lguest-jit compare: {outcome.First} against {outcome.Second}: {outcome.Result.ToUpperInvariant()}");
        writer.WriteLine();
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{outcome.Instructions:N0} instructions equal, at {outcome.Checkpoints:N0} checkpoints of {outcome.Every:N0}, life {outcome.Lives}, {outcome.Time.TotalSeconds:F1} s, {outcome.Mips:F0} MIPS"));
        if (outcome.Stopped is { } stopped)
        {
            writer.WriteLine($"stopped before it was through: {stopped}");
        }

        if (outcome.End is { } end)
        {
            writer.WriteLine($"the Guest ended: {end.Kind} {Reporting.KillReport.Clean(end.Message)}".TrimEnd());
        }

        writer.WriteLine();
        writer.WriteLine("To see it again:");
        writer.WriteLine($"  {outcome.Reproduce}");
        if (outcome.Difference is { } difference)
        {
            Write(difference);
        }
    }

    private void Write(Difference difference)
    {
        writer.WriteLine();
        writer.WriteLine("WHERE");
        writer.WriteLine($"  equal after      {difference.Equal} instructions");
        writer.WriteLine($"  different after  {difference.Unlike} instructions, in: {string.Join(", ", difference.First.Digest.PartsUnlike(difference.Second.Digest))}");
        if (difference.Verdict is { } verdict)
        {
            writer.WriteLine($"  {verdict}");
        }

        if (difference.Trace is { } trace)
        {
            writer.WriteLine($"  in the block at  {Place(trace.Culprit.Eip)}, ring {trace.Culprit.Cpl}, entered after {trace.Culprit.At} instructions");
            if (!difference.IsExact)
            {
                writer.WriteLine("  or in one of the blocks shortly before it: it was not seen with translated code that can be stopped in front of each block");
            }

            writer.WriteLine();
            writer.WriteLine("THE BLOCK (=> is where the two were last equal)");
            foreach (TracedInstruction instruction in trace.Code)
            {
                string hex = string.Join(' ', instruction.Bytes.Select(static b => b.ToString("x2", CultureInfo.InvariantCulture)));
                writer.WriteLine($"  {(instruction.IsNext ? "=>" : "  ")} {instruction.Eip:x8}: {hex,-30} {instruction.Text}");
            }
        }
        else
        {
            writer.WriteLine(difference.IsNarrow
                ? "  before the first instruction"
                : "  it was not seen again from a snapshot, so the block is not known; the states below are from some time after it");
        }

        WriteStates(difference);
        WriteMemory(difference);
        if (difference.Trace is { } path)
        {
            writer.WriteLine();
            writer.WriteLine($"THE LAST {path.Blocks.Count} BLOCKS (instructions before, executed, ring, address; * entered by an interrupt or a fault)");
            foreach (TracedBlock block in path.Blocks)
            {
                writer.WriteLine($"  {block.At,14} {block.Executed,6}  {block.Cpl}  {(block.ByTrap ? '*' : ' ')} {Place(block.Eip)}");
            }

            WriteTranslations(difference, path);
        }
    }

    /// <summary>Whole regions, which may be long; so they come last, and the block's own instructions are marked.</summary>
    private void WriteTranslations(Difference difference, BlockTrace trace)
    {
        if (difference.Translations.Count == 0)
        {
            writer.WriteLine();
            writer.WriteLine("No translation of the block was made on the way to the difference: it was interpreted, or translated before.");
            return;
        }

        var marked = trace.Code.Select(static i => $"  {i.Eip:x8}").ToHashSet();
        foreach (Translation translation in difference.Translations)
        {
            writer.WriteLine();
            writer.WriteLine($"TRANSLATED IN THE REGION AT {Place(translation.Eip)}, {translation.Blocks} blocks: IL (=> the block's instructions)");
            foreach (string line in translation.Il)
            {
                writer.WriteLine($"{(line.Length >= 10 && marked.Contains(line[..10]) ? "=>" : "  ")}{line}");
            }

            writer.WriteLine();
            writer.WriteLine("MACHINE CODE OF THAT REGION");
            foreach (string line in translation.MachineCode)
            {
                writer.WriteLine($"  {line}");
            }
        }
    }

    private void WriteStates(Difference difference)
    {
        writer.WriteLine();
        writer.WriteLine("BOTH STATES (! marks what differs; descriptors and x87 registers only if they do)");
        (string one, string other) = difference.Sides ?? (outcome.First, outcome.Second);
        writer.WriteLine($"    {"",-NameWidth} {one,-ValueWidth} {other}");
        foreach ((StateField first, StateField second) in difference.Fields)
        {
            bool differs = first.Value != second.Value;
            if (differs || !first.IsRare)
            {
                writer.WriteLine($"  {(differs ? '!' : ' ')} {first.Name,-NameWidth} {Named(first),-ValueWidth} {(differs ? Named(second) : "")}".TrimEnd());
            }
        }
    }

    private void WriteMemory(Difference difference)
    {
        if (difference.MemoryBytes == 0)
        {
            return;
        }

        (string one, string other) = difference.Sides ?? (outcome.First, outcome.Second);
        writer.WriteLine();
        writer.WriteLine($"MEMORY ({difference.MemoryBytes} bytes differ; guest-physical addresses)");
        foreach (MemoryDifference memory in difference.Memory)
        {
            writer.WriteLine($"  ! {memory.Physical:x8}  {one,-12} {Bytes(memory.First)}");
            writer.WriteLine($"    {"",8}  {other,-12} {Bytes(memory.Second)}");
        }
    }

    private string Named(StateField field) =>
        field.Name == "eip" && uint.TryParse(field.Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint eip) ? Place(eip) : field.Value;

    private string Place(uint address)
    {
        string name = symbols.DescribePhysical(address);
        return name.Length == 0 ? $"{address:x8}" : $"{address:x8} {name}";
    }

    private static string Bytes(byte[] bytes) => string.Join(' ', bytes.Select(static b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
