using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Translator.Cache;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Trace;

/// <summary>The IL of a region as text, under the Guest instructions that it was emitted for. The same in every process.</summary>
internal static class IlListing
{
    /// <param name="writer">Gets the lines.</param>
    /// <param name="region">Compiled.</param>
    /// <param name="il">Its IL.</param>
    /// <param name="guest">Writes the Guest's instructions.</param>
    public static void Write(TextWriter writer, CompiledRegion region, IlRecorder il, GuestDisassembly guest)
    {
        var addresses = new HostAddresses(region, Methods(il));
        Dictionary<uint, Instruction> instructions = region.Plan.Blocks
            .SelectMany(GuestDisassembly.Decode)
            .GroupBy(static i => i.IP32)
            .ToDictionary(static g => g.Key, static g => g.First());
        Dictionary<Label, int> labels = Number(il);
        foreach (IlLine line in il.Lines)
        {
            switch (line.Kind)
            {
                case IlLineKind.Instruction:
                    uint eip = (uint)line.Operand!;
                    writer.WriteLine($"  {GuestDisassembly.Hex(eip)}  {(instructions.TryGetValue(eip, out Instruction i) ? guest.Format(i) : "")}".TrimEnd());
                    break;
                case IlLineKind.Note:
                    writer.WriteLine($"  -- {line.Operand}");
                    break;
                case IlLineKind.Label:
                    writer.WriteLine($"    L{labels[(Label)line.Operand!]}:");
                    break;
                default:
                    string operand = Operand(line, il, labels, addresses);
                    writer.WriteLine($"      {line.Code.Name}{(operand.Length == 0 ? "" : " ")}{operand}");
                    break;
            }
        }
    }

    /// <summary>The methods that are called.</summary>
    public static IEnumerable<MethodBase> Methods(IlRecorder il) => il.Lines.Select(static l => l.Operand).OfType<MethodBase>().Distinct();

    /// <summary>Labels are numbered as they stand, so that a new one at the end does not change all the others.</summary>
    private static Dictionary<Label, int> Number(IlRecorder il)
    {
        var numbers = new Dictionary<Label, int>();
        foreach (IlLine line in il.Lines.Where(static l => l.Kind == IlLineKind.Label))
        {
            numbers.TryAdd((Label)line.Operand!, numbers.Count);
        }

        return numbers;
    }

    private static string Operand(in IlLine line, IlRecorder il, Dictionary<Label, int> labels, HostAddresses addresses) => line.Operand switch
    {
        null => "",
        Label label => $"L{labels[label]}",
        Label[] several => string.Join(", ", several.Select(l => $"L{labels[l]}")),
        LocalBuilder local => il.NameOf(local),
        MethodBase method => HostAddresses.NameOf(method),
        long value when HostAddresses.IsPlausible(value) => addresses.Name(value),
        long value => Number(value),
        int value => Number(value),
        IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
        MemberInfo member => member.Name,
        _ => line.Operand.ToString() ?? "",
    };

    private static string Number(long value) =>
        value is > -10 and < 10 ? value.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Number(int value) =>
        value is > -10 and < 10 ? value.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
}
