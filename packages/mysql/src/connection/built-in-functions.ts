/** Built-in functions of the servers that leave no lock and no variable in the session. */
import type { ServerKind } from '../protocol/server-kind.ts'

/**
 * Whether a call is of such a function; `name` is one of `Statement.calls`. Other functions may leave anything.
 * `last_insert_id` counts as one, because each INSERT sets the same value.
 */
export function leavesNothing(name: string, server: ServerKind): boolean {
  const adjacent = !name.endsWith(' ')
  const plain = adjacent ? name : name.slice(0, -1)
  if (!adjacent && ADJACENT.has(plain)) return false
  return SHARED.has(plain) || OWN[server].has(plain)
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/**
 * Names that mean the built-in function only without a blank before the parenthesis. With one, they may mean a stored function.
 */
const ADJACENT = words(
  'adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract group_concat json_arrayagg ' +
    'json_objectagg max mid min now position session_user st_collect std stddev stddev_pop stddev_samp subdate substr ' +
    'substring sum sysdate system_user trim var_pop var_samp variance',
)

/** Functions of both servers, and types with a size in parentheses. MariaDB knows `json_table` among tables only. */
const SHARED = words(
  'abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg benchmark bin binary bit_and bit_count ' +
    'bit_length bit_or bit_xor cast ceil ceiling char char_length character character_length charset coalesce ' +
    'coercibility collation compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32 cume_dist ' +
    'curdate current_date current_role current_time current_timestamp current_user curtime database date date_add ' +
    'date_format date_sub datediff datetime day dayname dayofmonth dayofweek dayofyear decimal default degrees dense_rank ' +
    'elt exp export_set extract extractvalue field find_in_set first_value float floor format found_rows from_base64 ' +
    'from_days from_unixtime greatest group_concat hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert ' +
    'instr interval is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock isnull json_array ' +
    'json_array_append json_array_insert json_arrayagg json_contains json_contains_path json_depth json_extract ' +
    'json_insert json_keys json_length json_merge json_merge_patch json_merge_preserve json_object json_objectagg ' +
    'json_overlaps json_pretty json_quote json_remove json_replace json_search json_set json_table json_type json_unquote ' +
    'json_valid json_value lag last_day last_insert_id last_value lcase lead least left length ln load_file localtime ' +
    'localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime max mbrcontains mbrdisjoint ' +
    'mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin match md5 microsecond mid min minute mod month monthname ' +
    'name_const now nth_value ntile nullif oct octet_length ord percent_rank period_add period_diff pi position pow power ' +
    'quarter quote radians rand random_bytes rank regexp_instr regexp_replace regexp_substr repeat replace reverse right ' +
    'round row row_count row_number rpad rtrim schema sec_to_time second session_user sha sha1 sha2 sign sin sleep ' +
    'soundex space sqrt st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains ' +
    'st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint ' +
    'st_envelope st_equals st_exteriorring st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext ' +
    'st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson ' +
    'st_geomfromtext st_geomfromwkb st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_issimple ' +
    'st_length st_linefromtext st_linefromwkb st_linestringfromtext st_linestringfromwkb st_mlinefromtext st_mlinefromwkb ' +
    'st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_numgeometries st_numinteriorrings st_numpoints ' +
    'st_overlaps st_pointfromtext st_pointfromwkb st_pointn st_polyfromtext st_polyfromwkb st_polygonfromtext ' +
    'st_polygonfromwkb st_srid st_startpoint st_symdifference st_touches st_union st_within st_x st_y std stddev ' +
    'stddev_pop stddev_samp str_to_date strcmp subdate substr substring substring_index subtime sum sysdate system_user ' +
    'tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim ' +
    'truncate ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time ' +
    'utc_timestamp uuid uuid_short values var_pop var_samp varchar variance version week weekday weekofyear weight_string ' +
    'year yearweek',
)

const OWN: Readonly<Record<ServerKind, ReadonlySet<string>>> = {
  mariadb: words(
    'add_months chr column_add column_check column_create column_delete column_exists column_get column_json column_list ' +
      'crc32c decode decode_histogram decode_oracle encode json_compact json_detailed json_equals json_exists json_loose ' +
      'json_normalize json_query lengthb median natural_sort_key nvl nvl2 percentile_cont percentile_disc sformat ' +
      'st_boundary st_isring st_pointonsurface st_relate sys_guid to_char trim_oracle',
  ),
  mysql: words(
    'any_value bin_to_uuid format_bytes format_pico_time geomcollection geometrycollection grouping gtid_subset ' +
      'gtid_subtract icu_version is_uuid json_schema_valid json_schema_validation_report json_storage_free ' +
      'json_storage_size linestring of mbrcoveredby mbrcovers multilinestring multipoint multipolygon point polygon ' +
      'ps_current_thread_id ps_thread_id regexp_like st_buffer_strategy st_collect st_frechetdistance st_geohash ' +
      'st_geomcollfromtxt st_hausdorffdistance st_isvalid st_latfromgeohash st_latitude st_lineinterpolatepoint ' +
      'st_lineinterpolatepoints st_longfromgeohash st_longitude st_makeenvelope st_pointatdistance st_pointfromgeohash ' +
      'st_simplify st_swapxy st_transform st_validate statement_digest statement_digest_text string_to_vector ' +
      'uuid_to_bin vector_dim vector_to_string',
  ),
}
